"""The description of a dataset, from which `preprocess` makes its command line."""

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.tasks.labels import LABELS

LABEL_DIR_HELP = "folder of {}; --photo-dir if not given"
FOLD_HELP = "hold out this fold, {}, as test.csv; the other folds are divided into train and val"


@dataclass(frozen=True)
class Dataset:
    """How `preprocess` reads a dataset.

    Attributes:
      description: one line for the help.
      photo_dir: the help of --photo-dir.
      geometry: the crop geometry of its images, a name in faces.crop.GEOMETRIES.
      read: (arguments, filters) -> examples. The arguments are `photo_dir` and those declared here.
      arguments: {flag: options of argparse's add_argument}. A dataset may declare --geometry, which
        replaces `geometry`, --detect, with which faces are searched in its images, and --fold,
        which names the `fold` of examples that becomes test.csv.
      max_age: the default of --max-age in years.
      has_photos: whether its images are photos, not crops: the large face near the centre of each
        is cut.
      lists_photo_dir: whether `read` lists the photo folder; crops must not be written into it
        then.
    """

    description: str
    photo_dir: str
    geometry: str
    read: Callable[[Namespace, Filters], Iterable[Example]]
    arguments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    max_age: int = LABELS["age"].highest
    has_photos: bool = False
    lists_photo_dir: bool = False
