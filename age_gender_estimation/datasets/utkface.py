"""UTKFace: a folder of images named [age]_[gender]_[race]_[time].jpg.

Zhang et al., CVPR 2017, https://susanqq.github.io/UTKFace/
"""

import re

from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.image_names import read_image_names
from age_gender_estimation.tasks.labels import LABELS

# Only the labels are checked: five published names have odd times, three lack the race.
LABELS_IN_NAME = re.compile(r"^(\d{1,3})_([01])_([0-4])_[^/]*\.(?:jpe?g|png)$", re.IGNORECASE)


def labels_from_name(name: str) -> dict[str, int] | None:
    """Returns {task: label} from the name of a UTKFace image, or None if it has no valid labels.

    UTKFace codes male as 0 and female as 1; the result has the project's coding.
    """
    match = LABELS_IN_NAME.match(name)
    if not match or int(match[1]) > LABELS["age"].highest:
        return None
    return {"age": int(match[1]), "gender": 1 - int(match[2]), "race": int(match[3])}


UTKFACE = Dataset(
    description="UTKFace, aligned and cropped",
    photo_dir="folder of images named AGE_GENDER_RACE_TIME.jpg",
    geometry="utkface",
    # It was published in three parts, which may lie in subfolders.
    read=lambda arguments, filters: read_image_names(
        arguments.photo_dir, "**/*", "UTKFace", labels_from_name, filters
    ),
    lists_photo_dir=True,
)
