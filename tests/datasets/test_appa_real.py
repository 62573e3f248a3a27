"""APPA-REAL in its published layout: three label files beside train/, valid/ and test/."""

import pytest

from age_gender_estimation.datasets.appa_real import read_appa_real
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.errors import InputError

HEADER = "file_name,num_ratings,apparent_age_avg,apparent_age_std,real_age"


@pytest.fixture
def read(tmp_path):
    """A function: rows of gt_avg_train.csv, _valid.csv and _test.csv -> examples."""

    def read(train=(), valid=(), test=()):
        for name, rows in (("train", train), ("valid", valid), ("test", test)):
            (tmp_path / f"gt_avg_{name}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        return read_appa_real(tmp_path, Filters(min_age=5, max_age=116))

    return read


def test_real_ages_crops_and_splits_are_read(read):
    examples = read(
        ["000000.jpg,36,5.055555555555555,1.0259,7", "000001.jpg,36,18.9,3.1,19.0"],
        ["004113.jpg,33,3.8,1.2,36"],
        ["005613.jpg,34,40.6,4.4,43"],
    )
    assert [(example.path, example.split, example.labels) for example in examples] == [
        ("train/000000.jpg_face.jpg", "train", {"age": 7}),
        ("train/000001.jpg_face.jpg", "train", {"age": 19}),
        ("valid/004113.jpg_face.jpg", "val", {"age": 36}),
        ("test/005613.jpg_face.jpg", "test", {"age": 43}),
    ]
    assert {(example.drop, example.identity) for example in examples} == {("", None)}


def test_missing_ages_and_ages_outside_the_limits_are_dropped_by_reason(read):
    rows = [f"{number}.jpg,30,20.0,3.0,{age}" for number, age in enumerate(("", 117, 116, 4, 5))]
    assert [example.drop for example in read(rows)] == ["no_label", "age", "", "age", ""]


@pytest.mark.parametrize("age", ["-4", "old", "35.5", "20-29"])
def test_what_is_no_age_is_named(read, age):
    with pytest.raises(InputError, match=f"gt_avg_valid.csv, row 2, column real_age: .*'{age}'"):
        read(valid=[f"1.jpg,30,20.0,3.0,{age}"])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="gt_avg_train.csv: cannot be read"):
        read_appa_real(tmp_path, Filters())
