"""Datasets whose labels stand in the names of their images: a folder in, examples out."""

import os
import pathlib
import re
from collections.abc import Callable, Mapping

from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.errors import InputError

IMAGE = re.compile(r"\.(?:jpe?g|png)$", re.IGNORECASE)


def read_image_names(
    photo_dir: str | os.PathLike,
    pattern: str,
    dataset: str,
    labels_from_name: Callable[[str], Mapping[str, int] | None],
    filters: Filters,
    person_from_name: Callable[[str], str | None] = lambda name: None,
) -> list[Example]:
    """Lists the images in a folder.

    Args:
      photo_dir: the folder.
      pattern: which of its files, `*`, or `**/*` for those in subfolders too.
      dataset: what its images are called in errors.
      labels_from_name: the name of an image -> {task: label}; None if it has no valid labels.
      filters: which ages to keep.
      person_from_name: the name of an image with labels -> who is shown, None if not known.

    Returns:
      The examples sorted by path; a name without labels has the drop reason `file_name`.

    Raises:
      InputError: there is no such folder, or no image in it.
    """
    root = pathlib.Path(photo_dir)
    paths = sorted(
        path.relative_to(root).as_posix() for path in root.glob(pattern) if IMAGE.search(path.name)
    )
    if not paths:
        found = "no image in it" if root.is_dir() else "no folder"
        raise InputError(f"{photo_dir}: expected a folder of {dataset} images, found {found}")
    examples = []
    for path in paths:
        name = path.rpartition("/")[2]
        labels = labels_from_name(name)
        if labels is None:
            examples.append(Example(path, drop="file_name"))
        else:
            person, drop = person_from_name(name), filters.drop_reason(labels)
            examples.append(Example(path, {**labels}, person, drop=drop))
    return examples
