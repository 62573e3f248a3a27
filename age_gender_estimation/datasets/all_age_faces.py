"""All-Age-Faces: a folder of images named [number]A[age].jpg, mostly of Asian people.

Cheng et al., Tsinghua Science and Technology 2019,
https://github.com/JingchunCheng/All-Age-Faces-Dataset
"""

import re

from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.image_names import read_image_names

LABELS_IN_NAME = re.compile(r"^([0-9]{5})A([0-9]{2})\.jpg$", re.IGNORECASE)
# The README: 00000 to 07380 are female, 07381 to 13321 are male, and each is another person.
LAST_FEMALE, LAST = 7380, 13321


def labels_from_name(name: str) -> dict[str, int] | None:
    """Returns {task: label} from the name of an image, or None if it has no valid labels.

    >>> labels_from_name("07380A80.jpg"), labels_from_name("07381A02.jpg")
    ({'age': 80, 'gender': 0}, {'age': 2, 'gender': 1})
    """
    match = LABELS_IN_NAME.match(name)
    if not match or int(match[1]) > LAST:
        return None
    return {"age": int(match[2]), "gender": int(int(match[1]) > LAST_FEMALE)}


# Persons stay unknown: some images are in the set twice, under two numbers, and equal content must
# not be on two sides of the split. Subfolders are not read: original and aligned images have the
# same names.
ALL_AGE_FACES = Dataset(
    description="All-Age-Faces, aligned",
    photo_dir="folder of images named NUMBERAAGE.jpg: the one of aligned faces",
    geometry="imdb_wiki",
    read=lambda arguments, filters: read_image_names(
        arguments.photo_dir, "*", "All-Age-Faces", labels_from_name, filters
    ),
    lists_photo_dir=True,
)
