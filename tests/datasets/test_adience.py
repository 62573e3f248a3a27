"""Adience in its published layout: five fold files, and a folder of crops per user."""

import json

import numpy as np
import pytest

from age_gender_estimation.datasets.adience import read_adience
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.tasks.age_labels import age_label
from tests.conftest import run_command

HEADER = (
    "user_id\toriginal_image\tface_id\tage\tgender\tx\ty\tdx\tdy\ttilt_ang\tfiducial_yaw_angle"
    "\tfiducial_score"
)
MEASURED = "\t0\t414\t1086\t1383\t-115\t30\t17"
FILTERS = Filters(max_age=116)


def write_folds(folder, rows):
    """Writes fold_0_data.txt to fold_4_data.txt: rows of (fold, user, face, age, gender)."""
    for number in range(5):
        lines = [HEADER]
        for index, (fold, user, face, age, gender) in enumerate(rows):
            if fold == number:
                lines.append(f"{user}\t{index}_b_o.jpg\t{face}\t{age}\t{gender}{MEASURED}")
        (folder / f"fold_{number}_data.txt").write_text("\n".join(lines) + "\n")


def test_labels_users_and_folds_are_read_with_the_oddities_of_the_files(tmp_path):
    rows = [
        (0, "30601258@N03", 1, "(25, 32)", "f"),
        (0, "30601258@N03", 2, "(8, 23)", "m"),  # one of four rare ranges
        (1, "7153718@N04", 3, "35", "u"),  # a single year; gender not known
        (2, "7153718@N05", 4, "None", "m"),
        (3, "7153718@N06", 5, "None", "u"),
        (4, "7153718@N07", 6, "None", ""),
        (4, "7153718@N07", 7, "(60, 100)", ""),
    ]
    write_folds(tmp_path, rows)
    examples = read_adience(tmp_path, "aligned", FILTERS)
    assert [example.labels for example in examples] == [
        {"age": age_label(25, 32), "gender": 0},
        {"age": age_label(8, 23), "gender": 1},
        {"age": 35, "gender": None},
        {"age": None, "gender": 1},
        {"age": None, "gender": None},
        {"age": None, "gender": None},
        {"age": age_label(60, 100), "gender": None},
    ]
    assert [example.drop for example in examples] == [*[""] * 4, *["no_label"] * 2, ""]
    assert [example.identity for example in examples] == [user for _, user, *_ in rows]
    assert [example.fold for example in examples] == [str(fold) for fold, *_ in rows]
    assert examples[0].path == "aligned/30601258@N03/landmark_aligned_face.1.0_b_o.jpg"
    upright = read_adience(tmp_path, "faces", FILTERS)
    assert upright[0].path == "faces/30601258@N03/coarse_tilt_aligned_face.1.0_b_o.jpg"


@pytest.mark.parametrize(
    "age, gender, message",
    [
        ("(32, 25)", "f", r"fold_2_data.txt, row 2, column age: .*got '\(32, 25\)'"),
        ("(-2, 2)", "f", r"fold_2_data.txt, row 2, column age: .*got '\(-2, 2\)'"),
        ("(60, 130)", "f", "row 2, column age: expected years from 0 to 116"),
        ("old", "f", "row 2, column age"),
        ("35", "x", "fold_2_data.txt, row 2, column gender: .*got 'x'"),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, age, gender, message):
    write_folds(tmp_path, [(2, "a", 1, age, gender)])
    with pytest.raises(InputError, match=message):
        read_adience(tmp_path, "aligned", FILTERS)


def test_missing_files_and_columns_are_named(tmp_path):
    with pytest.raises(InputError, match="fold_0_data.txt: cannot be read"):
        read_adience(tmp_path, "aligned", FILTERS)
    write_folds(tmp_path, [])
    (tmp_path / "fold_1_data.txt").write_text(HEADER.replace("\tage", "") + "\n")
    with pytest.raises(InputError, match="fold_1_data.txt: expected the columns user_id, .*; age "):
        read_adience(tmp_path, "aligned", FILTERS)
    (tmp_path / "fold_1_data.txt").write_text(HEADER + "\na\tb.jpg\n")
    with pytest.raises(InputError, match="fold_1_data.txt, row 2: expected 12 cells, found 2"):
        read_adience(tmp_path, "aligned", FILTERS)


@pytest.fixture
def adience(tmp_path):
    """Four images of each of 10 users, two users in each fold, and a user who is in two folds."""
    rows = [
        (user // 2, f"user{user}", face, "(25, 32)", "f") for user in range(10) for face in "1234"
    ]
    rows.append((3, "user0", 5, "(25, 32)", "f"))
    write_folds(tmp_path, rows)
    for index, (_, user, face, *_) in enumerate(rows):
        path = tmp_path / f"aligned/{user}/landmark_aligned_face.{face}.{index}_b_o.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(draw_face(28, 0, np.random.default_rng(index), 32)))
    return tmp_path


def preprocess(folder, *options):
    arguments = ["--photo-dir", ".", "--output-dir", "out", "--img-size", "32", "--workers", "1"]
    return run_command(["preprocess", "adience", *arguments, *options], cwd=folder)


def test_a_fold_is_held_out_as_test_and_shares_no_user(adience):
    done = preprocess(adience, "--fold", "0", "--split-ratio", "0.5")
    assert done.returncode == 0, done.stderr
    users = {
        split: {
            name.split("/")[1] for name in read_labelled_csv(adience / f"out/{split}.csv").filenames
        }
        for split in ("train", "val", "test")
    }
    assert users["test"] == {"user0", "user1"}
    assert not users["train"] & users["val"] and not users["test"] & (users["train"] | users["val"])
    summary = json.loads((adience / "out/preprocess.json").read_text())
    assert summary["rows"]["test"] == 8 and summary["dropped"] == {"person_in_test_fold": 1}
    assert summary["settings"]["fold"] == "0"


def test_without_a_fold_all_are_divided_by_user(adience):
    done = preprocess(adience, "--split-ratio", "0.5")
    assert done.returncode == 0 and done.stdout.startswith("kept 41: "), done.stderr
    assert not (adience / "out/test.csv").exists()


def test_a_fold_that_does_not_exist_and_a_second_test_share_are_refused(adience):
    done = preprocess(adience, "--fold", "5")
    assert done.returncode == 1 and "no such fold; found: 0, 1, 2, 3, 4" in done.stderr
    done = preprocess(adience, "--fold", "1", "--test-ratio", "0.1")
    assert done.returncode in (1, 2) and "--fold 1 gives test.csv" in done.stderr
