"""A validation list that is long enough to be divided, through training, export and evaluation."""

import csv
import json
import os
import shutil

import pytest


@pytest.fixture(scope="module")
def long_lists(crops, tmp_path_factory):
    """A folder with the drawn crops under many names: train.csv as it was, val.csv of 330 rows."""
    folder = tmp_path_factory.mktemp("long")
    with open(crops / "train.csv", newline="") as file:
        header, *rows = csv.reader(file)
    os.mkdir(folder / "crop")
    for name in ("train.csv", "val.csv"):
        with open(folder / name, "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            for number in range(330 if name == "val.csv" else 40):
                path, *labels = rows[number % len(rows)]
                os.link(crops / "crop" / path, folder / "crop" / f"{name}{number}.jpg")
                writer.writerow([f"{name}{number}.jpg", *labels])
    return folder


@pytest.fixture(scope="module")
def divided(long_lists, script):
    """(The folder with a model in model/, the finished training.)"""
    lists = [
        "--train-csv",
        long_lists / "train.csv",
        "--val-csv",
        long_lists / "val.csv",
        "--img-dir",
        long_lists / "crop",
    ]
    small = ["--backbone", "cnn", "--img-size", 32, "--batch-size", 8, "--num-steps", 4]
    return long_lists, script("train.py", *lists, *small, "--model-dir", long_lists / "model")


def evaluate(script, folder, *more, check=True):
    lists = [
        "--csv",
        folder / "val.csv",
        "--img-dir",
        folder / "crop",
        "--output-dir",
        folder / "report",
    ]
    return script("evaluate.py", "--model-dir", folder / "model", *lists, *more, check=check)


def test_each_third_is_used_once(divided, script):
    folder, training = divided
    [export] = (folder / "model/serving").iterdir()
    calibration = json.loads((export / "assets.extra/model.json").read_text())["calibration"]
    num_calibrating = calibration["labels"]["age"]
    assert num_calibrating == 100 and set(calibration["temperatures"]) == {"age", "gender"}
    assert (
        f"gender temperature {calibration['temperatures']['gender']:.3f} ({num_calibrating} faces)"
        in training.stderr
    )
    evaluate(script, folder, "--reporting-part", "--model-card", folder / "CARD.md")
    num_reporting = json.loads((folder / "report/evaluation.json").read_text())["rows"]
    card = (folder / "CARD.md").read_text()
    assert (
        f"On {num_reporting} faces, the third that neither chose nor calibrated the model of "
        "val.csv" in card
    )
    assert f"age {calibration['temperatures']['age']:.3f} ({num_calibrating} faces)" in card
    evaluate(script, folder)
    assert json.loads((folder / "report/evaluation.json").read_text())["rows"] == 330
    assert (num_calibrating, num_reporting) == (100, 100)  # and 130 chose


def test_a_broken_picture_among_the_calibrating_ones_is_named(divided, script, tmp_path):
    folder, _ = divided
    broken = "val.csv150.jpg"  # the second hundred calibrates
    (tmp_path / "crop").mkdir()
    for path in (folder / "crop").iterdir():
        (tmp_path / "crop" / path.name).write_bytes(
            b"" if path.name == broken else path.read_bytes()
        )
    arguments = [
        "--model-dir",
        folder / "model",
        "--val-csv",
        folder / "val.csv",
        "--img-dir",
        tmp_path / "crop",
    ]
    done = script("export.py", *arguments, check=False)
    assert (
        done.returncode == 1
        and f"{broken} cannot be decoded, preprocess again" in done.stderr.splitlines()[-1]
    )


def test_a_broken_picture_among_the_reporting_ones_is_named(divided, script, tmp_path):
    folder, _ = divided
    broken = "val.csv250.jpg"
    shutil.copytree(folder / "crop", tmp_path / "crop")
    (tmp_path / "crop" / broken).write_bytes(b"garbage")
    lists = [
        "--csv",
        folder / "val.csv",
        "--img-dir",
        tmp_path / "crop",
        "--output-dir",
        tmp_path / "out",
    ]
    done = script("evaluate.py", "--model-dir", folder / "model", *lists, check=False)
    assert (
        done.returncode == 1
        and f"{broken} cannot be decoded, preprocess again" in done.stderr.splitlines()[-1]
    )


def test_a_part_to_report_on_is_left_where_there_was_nothing_to_calibrate(divided, script):
    folder, _ = divided
    description = next((folder / "model/serving").iterdir()) / "assets.extra/model.json"
    before = description.read_text()
    nothing = {
        "temperatures": {},
        "interval_mass": 0.8,
        "labels": {},
    }  # of an age that is answered as a number alone
    try:
        description.write_text(
            json.dumps({**json.loads(before), "calibration": {**nothing, "num_faces": 100}})
        )
        assert evaluate(script, folder, "--reporting-part").returncode == 0
        description.write_text(
            json.dumps({**json.loads(before), "calibration": {**nothing, "num_faces": 0}})
        )
        assert evaluate(script, folder, "--reporting-part", check=False).returncode == 1
    finally:
        description.write_text(before)


def test_a_model_that_was_not_calibrated_has_no_part_to_report_on(divided, trained, script):
    folder, _ = divided
    arguments = ["--csv", folder / "val.csv", "--img-dir", folder / "crop", "--reporting-part"]
    done = script("evaluate.py", "--model-dir", trained[0], *arguments, check=False)
    assert (
        done.returncode == 1
        and "was not calibrated, so every row of the validation list may" in done.stderr
    )
    assert "not calibrated: no validation manifest has 300 rows" in trained[1].stderr
