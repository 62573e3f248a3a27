from argparse import Namespace

import pytest

from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.utkface import UTKFACE, labels_from_name
from age_gender_estimation.errors import InputError


def read_utkface(folder, filters):
    return UTKFACE.read(Namespace(photo_dir=folder), filters)


@pytest.mark.parametrize(
    "name, expected",
    [
        (
            "26_0_2_20170104023102422.jpg.chip.jpg",
            {"age": 26, "gender": 1, "race": 2},
        ),  # UTKFace's 0 is male
        ("100_1_0_20170110183726390.jpg", {"age": 100, "gender": 0, "race": 0}),
        ("7_1_4_2017 01.jpg", {"age": 7, "gender": 0, "race": 4}),  # an odd time does not matter
        ("61_1_20170109150557335.jpg.chip.jpg", None),  # no race
        ("39_1_20170116174525125.jpg", None),
        ("24_0_1_.txt", None),
        ("holiday.jpg", None),
        ("999_0_0_1.jpg", None),
    ],
)
def test_labels_come_from_the_name(name, expected):
    assert labels_from_name(name) == expected


def test_folder_is_listed_with_subfolders_and_bad_names_are_dropped(tmp_path):
    for name in ("26_0_2_1.jpg", "part/5_1_0_2.JPG", "61_1_3.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    examples = read_utkface(tmp_path, Filters(min_age=10, max_age=116))
    assert [(example.path, example.drop) for example in examples] == [
        ("26_0_2_1.jpg", ""),
        ("61_1_3.jpg", "file_name"),
        ("part/5_1_0_2.JPG", "age"),
    ]


@pytest.mark.parametrize("folder, message", [("empty", "no image in it"), ("missing", "no folder")])
def test_a_folder_without_pictures_is_refused(tmp_path, folder, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        read_utkface(tmp_path / folder, Filters())
