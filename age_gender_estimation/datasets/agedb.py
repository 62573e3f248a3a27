"""AgeDB: a folder of photos named [number]_[person]_[age]_[gender].jpg.

Moschoglou et al., CVPR Workshops 2017, https://ibug.doc.ic.ac.uk/resources/agedb/
"""

import re

from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.image_names import read_image_names
from age_gender_estimation.tasks.labels import LABELS

NAME = re.compile(r"^[0-9]+_(.+)_([0-9]{1,3})_([fm])\.jpg$", re.IGNORECASE)
GENDERS = {"f": 0, "m": 1}


def labels_from_name(name: str) -> dict[str, int] | None:
    """Returns {task: label} from the name of a photo, or None if it has no valid labels.

    >>> labels_from_name("0_MariaCallas_35_f.jpg")
    {'age': 35, 'gender': 0}
    """
    match = NAME.match(name)
    if not match or int(match[2]) > LABELS["age"].highest:
        return None
    return {"age": int(match[2]), "gender": GENDERS[match[3].lower()]}


def person_from_name(name: str) -> str | None:
    """Returns who is shown in a photo: `MariaCallas`; None if the name does not say it."""
    match = NAME.match(name)
    return match and match[1]


AGEDB = Dataset(
    description="AgeDB; the large face near the centre of each photo is cut",
    photo_dir="folder of photos named NUMBER_PERSON_AGE_GENDER.jpg",
    geometry="imdb_wiki",
    read=lambda arguments, filters: read_image_names(
        arguments.photo_dir, "*", "AgeDB", labels_from_name, filters, person_from_name
    ),
    has_photos=True,
    lists_photo_dir=True,
)
