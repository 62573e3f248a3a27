"""Adience: five fold files, and face crops in a folder per Flickr user.

Eidinger, Enbar and Hassner, TIFS 2014,
https://talhassner.github.io/home/projects/Adience/Adience-data.html
"""

import os

from age_gender_estimation.datasets.dataset import FOLD_HELP, LABEL_DIR_HELP, Dataset
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.datasets.label_table import read_label_table

FOLDS = ("0", "1", "2", "3", "4")
COLUMNS = ("user_id", "original_image", "face_id", "age", "gender")
IMAGES = {
    "aligned": "aligned/{user_id}/landmark_aligned_face.{face_id}.{original_image}",
    "faces": "faces/{user_id}/coarse_tilt_aligned_face.{face_id}.{original_image}",
}
UNKNOWN = {"None": "", "u": ""}  # an age, a gender


def read_adience(label_dir: str | os.PathLike, images: str, filters: Filters) -> list[Example]:
    """Reads the fold files.

    Args:
      label_dir: the folder of fold_0_data.txt to fold_4_data.txt.
      images: which crops, a key of IMAGES.
      filters: which ages to keep. A row without age and gender is dropped as `no_label`.

    Returns:
      The examples in the files' order. The user counts as the person.

    Raises:
      InputError: a file is missing or damaged, or has an age or gender that is none.
    """
    examples = []
    for fold in FOLDS:
        path = os.path.join(label_dir, f"fold_{fold}_data.txt")
        for row in read_label_table(path, COLUMNS, "\t"):
            labels = {task: row.label(task, UNKNOWN) for task in ("age", "gender")}
            examples.append(
                Example(
                    IMAGES[images].format(**row.cells),
                    labels,
                    row.cells["user_id"],
                    fold=fold,
                    drop=filters.drop_reason(labels),
                )
            )
    return examples


ADIENCE = Dataset(
    description="Adience, its aligned or its upright face crops",
    photo_dir="folder of aligned/ or faces/",
    geometry="imdb_wiki",
    read=lambda arguments, filters: read_adience(
        arguments.label_dir or arguments.photo_dir, arguments.images, filters
    ),
    arguments={
        "--label-dir": {"help": LABEL_DIR_HELP.format("fold_0_data.txt to fold_4_data.txt")},
        "--images": {
            "choices": sorted(IMAGES),
            "default": "aligned",
            "help": "which crops: aligned/ or faces/",
        },
        "--fold": {"help": FOLD_HELP.format("0 to 4")},
    },
)
