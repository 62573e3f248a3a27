from argparse import Namespace

import pytest

from age_gender_estimation.datasets.all_age_faces import ALL_AGE_FACES, labels_from_name
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.errors import InputError


@pytest.mark.parametrize(
    "name, expected",
    [
        ("00000A02.jpg", {"age": 2, "gender": 0}),
        ("07380A80.jpg", {"age": 80, "gender": 0}),  # the last woman
        ("07381A02.jpg", {"age": 2, "gender": 1}),  # the first man
        ("13321A80.JPG", {"age": 80, "gender": 1}),
        ("13322A20.jpg", None),  # not in the set
        ("0738A20.jpg", None),
        ("00001A2.jpg", None),
        ("00001_20.jpg", None),
        ("00001A20.txt", None),
    ],
)
def test_age_and_gender_come_from_the_name(name, expected):
    assert labels_from_name(name) == expected


def test_a_folder_is_read_without_its_subfolders(tmp_path):
    for name in ("00000A02.jpg", "07381A30.jpg", "cover.jpg", "07382A70.jpg", "more/00001A02.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    examples = ALL_AGE_FACES.read(Namespace(photo_dir=tmp_path), Filters(max_age=60))
    assert [(example.path, example.labels, example.drop) for example in examples] == [
        ("00000A02.jpg", {"age": 2, "gender": 0}, ""),
        ("07381A30.jpg", {"age": 30, "gender": 1}, ""),
        ("07382A70.jpg", {"age": 70, "gender": 1}, "age"),
        ("cover.jpg", {}, "file_name"),
    ]
    assert {example.identity for example in examples} == {None}  # known by their content only


def test_the_folder_above_the_images_is_refused(tmp_path):
    (tmp_path / "aligned").mkdir()
    (tmp_path / "aligned/00000A02.jpg").touch()
    with pytest.raises(InputError, match="expected a folder of All-Age-Faces images, found no ima"):
        ALL_AGE_FACES.read(Namespace(photo_dir=tmp_path), Filters())
