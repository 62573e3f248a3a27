"""APPA-REAL: three label files, and face crops in train/, valid/ and test/.

Agustsson et al., FG 2017, https://chalearnlap.cvc.uab.cat/dataset/26/description/
"""

import os
import re

from age_gender_estimation.datasets.dataset import LABEL_DIR_HELP, Dataset
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.datasets.label_table import read_label_table
from age_gender_estimation.tasks.labels import LABELS

SPLITS = {"train": "train", "valid": "val", "test": "test"}  # {their name: ours}
COLUMNS = ("file_name", "real_age")
YEARS = re.compile(r"([0-9]{1,9})(?:\.0*)?")


def read_appa_real(label_dir: str | os.PathLike, filters: Filters) -> list[Example]:
    """Reads the real ages; the apparent ones, which people guessed, are not used.

    Args:
      label_dir: the folder of gt_avg_train.csv, gt_avg_valid.csv and gt_avg_test.csv.
      filters: which ages to keep. A row without a real age is dropped as `no_label`.

    Returns:
      The examples in the files' order, with the published splits. Nobody is known by name.

    Raises:
      InputError: a file is missing or damaged, or has an age that is none.
    """
    examples = []
    for folder, split in SPLITS.items():
        for row in read_label_table(os.path.join(label_dir, f"gt_avg_{folder}.csv"), COLUMNS):
            path = f"{folder}/{row.cells['file_name']}_face.jpg"
            age = row.parse("real_age", parse_years)
            if age is not None and age > LABELS["age"].highest:
                examples.append(Example(path, split=split, drop="age"))
            else:
                drop = filters.drop_reason({"age": age})
                examples.append(Example(path, {"age": age}, split=split, drop=drop))
    return examples


def parse_years(text: str) -> int | None:
    """Returns whole years, written as 35 or 35.0; None for an empty cell.

    Raises:
      ValueError: `text` is neither.
    """
    match = YEARS.fullmatch(text.strip())
    if text.strip() and not match:
        raise ValueError(f"expected whole years or nothing, got {text!r}")
    return int(match[1]) if match else None


# The crops have a margin of 40% around the face, as IMDB-WIKI's.
APPA_REAL = Dataset(
    description="APPA-REAL, its face crops and real ages",
    photo_dir="folder of train/, valid/ and test/",
    geometry="imdb_wiki",
    read=lambda arguments, filters: read_appa_real(
        arguments.label_dir or arguments.photo_dir, filters
    ),
    arguments={"--label-dir": {"help": LABEL_DIR_HELP.format("gt_avg_train.csv and so on")}},
)
