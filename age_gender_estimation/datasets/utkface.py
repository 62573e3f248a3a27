"""UTKFace: a folder of images named [age]_[gender]_[race]_[time].jpg.

Zhang et al., CVPR 2017, https://susanqq.github.io/UTKFace/
"""

import os
import pathlib
import re

from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.errors import InputError
from age_gender_estimation.tasks.labels import LABELS

# Only the labels are checked: five published names have odd times, three lack the race.
LABELS_IN_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_[^/]*\.(?:jpe?g|png)$", re.IGNORECASE)
IMAGE = re.compile(r"\.(?:jpe?g|png)$", re.IGNORECASE)


def labels_from_name(name: str) -> dict[str, int] | None:
    """Returns {task: label} from the name of a UTKFace image, or None if it has no valid labels.

    UTKFace codes male as 0 and female as 1; the result has the project's coding.
    """
    match = LABELS_IN_NAME.match(name)
    if not match or int(match[1]) > LABELS["age"].highest:
        return None
    return {"age": int(match[1]), "gender": 1 - int(match[2]), "race": int(match[3])}


def read_utkface(photo_dir: str | os.PathLike, filters: Filters) -> list[Example]:
    """Lists the images in a folder and its subfolders.

    Args:
      photo_dir: the folder.
      filters: which ages to keep.

    Returns:
      The examples sorted by path; a name without labels has the drop reason `file_name`.

    Raises:
      InputError: there is no such folder, or no image in it.
    """
    root = pathlib.Path(photo_dir)
    paths = sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if IMAGE.search(path.name)
    )
    if not paths:
        found = "no image in it" if root.is_dir() else "no folder"
        raise InputError(f"{photo_dir}: expected a folder of UTKFace images, found {found}")
    examples = []
    for path in paths:
        labels = labels_from_name(path.rpartition("/")[2])
        if labels is None:
            examples.append(Example(path, drop="file_name"))
        else:
            drop = "" if filters.keeps_age(labels["age"]) else "age"
            examples.append(Example(path, {**labels}, drop=drop))
    return examples


UTKFACE = Dataset(
    description="UTKFace, aligned and cropped",
    photo_dir="folder of images named AGE_GENDER_RACE_TIME.jpg",
    geometry="utkface",
    read=lambda arguments, filters: read_utkface(arguments.photo_dir, filters),
    lists_photo_dir=True,
)
