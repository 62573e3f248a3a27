"""FairFace: two label files, and face crops in train/ and val/.

Karkkainen and Joo, WACV 2021, https://github.com/joojs/fairface
"""

import os

from age_gender_estimation.datasets.dataset import LABEL_DIR_HELP, Dataset
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.datasets.label_table import read_label_table

FILES = {"train": "fairface_label_train.csv", "val": "fairface_label_val.csv"}
COLUMNS = ("file", "age", "gender", "race")
# FairFace's seven groups in our five, which are UTKFace's. UTKFace counts Latino and Middle Eastern
# people as Others.
RACES = {
    "White": "White",
    "Black": "Black",
    "Indian": "Indian",
    "East Asian": "Asian",
    "Southeast Asian": "Asian",
    "Middle Eastern": "Others",
    "Latino_Hispanic": "Others",
}


def read_fairface(label_dir: str | os.PathLike, filters: Filters) -> list[Example]:
    """Reads the label files. Ages are ranges of years; `more than 70` is 70-116.

    Args:
      label_dir: the folder of FILES.
      filters: which ages to keep. A row without any label is dropped as `no_label`.

    Returns:
      The examples in the files' order, with the published splits. Nobody is known by name.

    Raises:
      InputError: a file is missing or damaged, lacks labels (as the test list does), or has a label
        that is none.
    """
    examples = []
    for split, name in FILES.items():
        for row in read_label_table(os.path.join(label_dir, name), COLUMNS):
            labels = {
                "age": row.label("age"),
                "gender": row.label("gender"),
                "race": row.label("race", RACES),
            }
            drop = filters.drop_reason(labels)
            examples.append(Example(row.cells["file"], labels, split=split, drop=drop))
    return examples


# FairFace and UTKFace were both cut by dlib. UTKFace's template fits a padding of 0.2, so the
# faces of FairFace are 7% smaller with 0.25. A padding of 1.25 needs --align.
FAIRFACE = Dataset(
    description="FairFace, crops with padding 0.25, or with 1.25 and --align",
    photo_dir="folder of train/ and val/",
    geometry="utkface",
    read=lambda arguments, filters: read_fairface(
        arguments.label_dir or arguments.photo_dir, filters
    ),
    arguments={"--label-dir": {"help": LABEL_DIR_HELP.format(" and ".join(FILES.values()))}},
)
