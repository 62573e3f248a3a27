"""UTKFace (Zhang et al., CVPR 2017, https://susanqq.github.io/UTKFace/): a folder of [age]_[gender]_[race]_[time].jpg."""

import pathlib
import re

from age_gender_estimation.datasets.example import Example
from age_gender_estimation.errors import InputError
from age_gender_estimation.tasks.labels import LABELS

# The label part is what counts: five names have odd timestamps, three lack the race.
LABELS_IN_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_[^/]*\.(?:jpe?g|png)$", re.IGNORECASE)
PICTURE = re.compile(r"\.(?:jpe?g|png)$", re.IGNORECASE)


def labels_from_name(name):
    """Returns {task: label} written in a UTKFace file name, or None where it holds none. UTKFace says 0 for male."""
    match = LABELS_IN_NAME.match(name)
    if not match or int(match[1]) > LABELS["age"].highest:
        return None
    return {"age": int(match[1]), "gender": 1 - int(match[2]), "race": int(match[3])}


def read_utkface(photo_dir, filters):
    """Lists a UTKFace folder and its subfolders.

    Args:
      photo_dir: folder of aligned and cropped pictures.
      filters: Filters; only the age range matters here.

    Returns:
      A list of Example sorted by path; a name without labels is dropped as `file_name`.

    Raises:
      InputError: no such folder, or no picture in it.
    """
    root = pathlib.Path(photo_dir)
    paths = sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if PICTURE.search(path.name)
    )
    if not paths:
        found = "no picture in it" if root.is_dir() else "no folder"
        raise InputError(f"{photo_dir}: expected a folder of UTKFace pictures, found {found}")
    examples = []
    for path in paths:
        labels = labels_from_name(path.rpartition("/")[2])
        if labels is None:
            examples.append(Example(path, drop="file_name"))
        else:
            is_kept = filters.min_age <= labels["age"] <= filters.max_age
            examples.append(Example(path, labels, drop="" if is_kept else "age"))
    return examples
