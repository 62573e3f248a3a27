import hashlib
import pathlib

import pytest

from age_gender_estimation.data.manifest import (
    divide_validation,
    manifest_text,
    open_manifest,
    reporting_part,
)
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError

NAMES = [
    "a, b.jpg",
    'quo"te.jpg',
    "new\nline.jpg",
    "re\rturn.jpg",
    "n\u00e4me \u6f22.jpg",
    "25/nm1.jpg",
]


@pytest.fixture
def manifest(tmp_path):
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    labels = [
        {"age": 3, "gender": None},
        {"age": None, "gender": 1},
        {"age": 99},
        {},
        {},
        {"age": 0, "gender": 0},
    ]
    path = tmp_path / "train.csv"
    path.write_text(manifest_text(zip(NAMES, labels), ["age", "gender"]), encoding="utf-8")
    return path


def test_what_is_written_is_read_back_with_its_labels_counted(manifest, tmp_path):
    opened = open_manifest(manifest, tmp_path)
    assert opened.filenames == NAMES and opened.rows.tolist() == [*range(6)]
    assert opened.paths()[-1] == str(tmp_path / "25/nm1.jpg")
    assert {name: column.tolist() for name, column in opened.labels.items()} == {
        "age": [3, -1, 99, -1, -1, 0],
        "gender": [-1, 1, -1, -1, -1, 0],
        "race": [-1] * 6,
    }
    assert (opened.num_rows, opened.header, opened.tasks) == (
        6,
        ("filename", "age", "gender"),
        ("age", "gender"),
    )
    assert opened.num_labels == {"age": 3, "gender": 2, "race": 0}


def test_only_the_labels_that_are_asked_for_are_used(manifest, tmp_path):
    opened = open_manifest(manifest, tmp_path, ("gender",))
    assert opened.tasks == ("gender",)
    assert opened.num_labels == {"age": 0, "gender": 2, "race": 0}
    with pytest.raises(
        InputError, match="its labels of race are to be used, its columns are filename, age, gender"
    ):
        open_manifest(manifest, tmp_path, ("gender", "race"))


def test_a_missing_crop_or_folder_is_named(manifest, tmp_path):
    (tmp_path / NAMES[2]).unlink()
    with pytest.raises(InputError, match="row 4: no image"):
        open_manifest(manifest, tmp_path)
    with pytest.raises(InputError, match="nowhere: expected the folder"):
        open_manifest(manifest, tmp_path / "nowhere")


def test_names_are_relative_and_there_is_a_row(tmp_path):
    (tmp_path / "m.csv").write_text("filename,gender\n/a.jpg,1\n")
    with pytest.raises(InputError, match="row 2: expected a name relative to"):
        open_manifest(tmp_path / "m.csv", tmp_path)
    (tmp_path / "m.csv").write_text("filename,gender\n\n")
    with pytest.raises(InputError, match="expected rows under the header"):
        open_manifest(tmp_path / "m.csv", tmp_path)


@pytest.fixture
def long_manifest(tmp_path):
    for number in range(MIN_ROWS):
        (tmp_path / f"{number}.jpg").touch()
    rows = [(f"{number}.jpg", {"age": number % 100, "gender": None}) for number in range(MIN_ROWS)]
    (tmp_path / "val.csv").write_text(manifest_text(rows, ["age", "gender"]))
    return open_manifest(tmp_path / "val.csv", tmp_path)


def test_choosing_calibrating_and_reporting_share_no_row_of_a_long_list(long_manifest):
    [chosen], [calibrating] = divide_validation([long_manifest])
    parts = [chosen, calibrating, reporting_part(long_manifest)]
    assert sorted(sum((part.filenames for part in parts), [])) == sorted(long_manifest.filenames)
    assert [part.rows.tolist() for part in parts] == [
        [*range(first, first + 100)] for first in (0, 100, 200)
    ]
    assert all(part.num_labels["age"] == part.num_rows == 100 for part in parts)
    assert parts[1].filenames[0] == "100.jpg" and parts[2].labels["age"][-1] == 99
    # What a model folder remembers of its validation lists is equal wherever the list lies.
    assert [part.identity[1:] for part in parts] == [
        (("age", "gender"), name) for name in ("select", "calibrate", "report")
    ]
    digest = hashlib.sha256(pathlib.Path(long_manifest.path).read_bytes()).hexdigest()
    assert parts[0].identity[0] == digest


def test_a_short_list_chooses_with_all_its_rows_and_can_neither_calibrate_nor_report(
    manifest, tmp_path, long_manifest
):
    short = open_manifest(manifest, tmp_path)
    chosen, calibrating = divide_validation([short, long_manifest])
    assert chosen[0] is short and len(chosen) == 2
    assert [manifest.path for manifest in calibrating] == [long_manifest.path]
    with pytest.raises(
        InputError, match="expected at least 300 rows.*found 6: all of them chose it"
    ):
        reporting_part(short)
