"""FairFace in its published layout: two label files beside train/ and val/."""

import numpy as np
import pytest

from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.fairface import FILES, RACES, read_fairface
from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.tasks.age_labels import age_label
from age_gender_estimation.tasks.labels import LABELS
from tests.conftest import run_command

HEADER = "file,age,gender,race,service_test"
FILTERS = Filters(max_age=116)


def write_labels(folder, train=(), val=(), header=HEADER):
    for split, rows in (("train", train), ("val", val)):
        (folder / FILES[split]).write_text("\n".join([header, *rows]) + "\n")


def test_labels_and_splits_are_read(tmp_path):
    train = [
        "train/1.jpg,50-59,Male,East Asian,True",
        "train/2.jpg,0-2,Female,Latino_Hispanic,False",
    ]
    write_labels(tmp_path, train, ["val/1.jpg,more than 70,Female,White,True"])
    examples = read_fairface(tmp_path, FILTERS)
    assert [(example.path, example.split, example.labels) for example in examples] == [
        ("train/1.jpg", "train", {"age": age_label(50, 59), "gender": 1, "race": 2}),
        ("train/2.jpg", "train", {"age": age_label(0, 2), "gender": 0, "race": 4}),
        ("val/1.jpg", "val", {"age": age_label(70, 116), "gender": 0, "race": 0}),
    ]


def test_seven_groups_become_five(tmp_path):
    rows = [f"train/{n}.jpg,20-29,Male,{race},True" for n, race in enumerate(RACES)]
    write_labels(tmp_path, rows)
    names = LABELS["race"].class_names
    races = [names[example.labels["race"]] for example in read_fairface(tmp_path, FILTERS)]
    assert dict(zip(RACES, races)) == {
        "White": "White",
        "Black": "Black",
        "Indian": "Indian",
        "East Asian": "Asian",
        "Southeast Asian": "Asian",
        "Middle Eastern": "Others",
        "Latino_Hispanic": "Others",
    }


def test_a_list_without_labels_is_refused_and_empty_rows_are_counted(tmp_path):
    write_labels(tmp_path, ["test/1.jpg"], header="file")
    with pytest.raises(InputError, match="label_train.csv: .*; age, gender, race not found in 'fi"):
        read_fairface(tmp_path, FILTERS)
    write_labels(tmp_path, ["train/1.jpg,,,,", "train/2.jpg,,Male,,"])
    assert [example.drop for example in read_fairface(tmp_path, FILTERS)] == ["no_label", ""]


@pytest.mark.parametrize(
    "row, message",
    [
        ("9-3,Male,White", "label_val.csv, row 3, column age: .*got '9-3'"),
        ("-3-9,Male,White", "row 3, column age: .*got '-3-9'"),
        ("70-130,Male,White", "row 3, column age: .*got '70-130'"),
        ("9-Mar,Male,White", "row 3, column age: .*got '9-mar'"),  # a spreadsheet's 3-9
        ("3-9,x,White", "row 3, column gender: .*got 'x'"),
        ("3-9,Male,Asiatic", "row 3, column race: .*got 'Asiatic'"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, row, message):
    write_labels(tmp_path, (), ["val/1.jpg,3-9,Male,Black,True", f"val/2.jpg,{row},True"])
    with pytest.raises(InputError, match=message):
        read_fairface(tmp_path, FILTERS)


def test_it_is_preprocessed_into_the_published_splits(tmp_path):
    rows = {
        split: [f"{split}/{n}.jpg,20-29,Male,Black,True" for n in (1, 2)]
        for split in ("train", "val")
    }
    labels = tmp_path / "labels"
    labels.mkdir()
    write_labels(labels, **rows)
    for number, row in enumerate(rows["train"] + rows["val"]):
        path = tmp_path / row.split(",")[0]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_jpeg(draw_face(25, 1, np.random.default_rng(number), 32)))
    arguments = ["--photo-dir", ".", "--label-dir", "labels", "--output-dir", "out"]
    options = ["--img-size", "32", "--workers", "1"]
    done = run_command(["preprocess", "fairface", *arguments, *options], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for split in ("train", "val"):
        table = read_labelled_csv(tmp_path / f"out/{split}.csv")
        assert sorted(table.filenames) == [f"{split}/1.jpg", f"{split}/2.jpg"]
        assert table.labels_of(0) == {"age": age_label(20, 29), "gender": 1, "race": 1}
