"""The scripts as a user meets them: exit codes, messages, and what predict prints."""

import contextlib
import csv
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.datasets.csv_file import read_labelled_csv
from tests.conftest import COMMANDS, ROOT


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_flag_is_exit_code_2(script, name):
    assert script(name, "--no-such-flag", check=False).returncode == 2


def test_make_web_takes_the_model_that_was_given_even_if_it_does_not_exist():
    def command(*arguments):
        environment = {name: value for name, value in os.environ.items() if name != "MODEL"}
        make = ["make", "--dry-run", "web", *arguments]
        options = {"env": environment, "capture_output": True, "text": True, "check": True}
        return subprocess.run(make, cwd=ROOT, **options).stdout

    assert "bin/web.py --model-dir var/typo" in command("MODEL=var/typo")
    assert "--model-dir" not in command("OUT=not-there")
    assert "--model-dir tests/" in command("OUT=x", "MODEL=tests/")


def test_utkface_folder_end_to_end(script, noise_image, tmp_path):
    (tmp_path / "in").mkdir()
    for age in range(20, 40):
        cv2.imwrite(
            str(tmp_path / "in" / f"{age}_{age % 2}_{age % 5}_2017{age}.jpg.chip.jpg"),
            np.roll(noise_image, age, axis=1),
        )
    (tmp_path / "in" / "39_1_20170116174525125.jpg").write_bytes(b"")
    folders = ("--photo-dir", tmp_path / "in", "--output-dir", tmp_path / "out")
    splits = ("--test-ratio", 0.3, "--split-ratio", 0.6)
    done = script("preprocess_utkface.py", *folders, "--img-size", 24, *splits, "--workers", 1)
    summary = json.loads((tmp_path / "out/preprocess.json").read_text())
    assert summary["kept"] == 20 and summary["dropped"] == {"file_name": 1}
    assert set(summary["rows"]) == {"train", "val", "test"}
    assert summary["settings"]["geometry"]["name"] == "utkface"
    broken = "39_1_20170116174525125.jpg"
    assert summary["examples"] == {"file_name": broken}
    assert f"dropped 1: file_name, such as {tmp_path}/in/{broken}\n" in done.stdout
    for split in summary["rows"]:
        table = read_labelled_csv(tmp_path / f"out/{split}.csv")
        ages, genders, races = zip(*(map(int, name.split("_")[:3]) for name in table.filenames))
        assert tuple(table.labels["age"]) == ages and tuple(table.labels["race"]) == races
        assert tuple(1 - table.labels["gender"]) == genders
    inside = ("--photo-dir", tmp_path / "in", "--output-dir", tmp_path / "in" / "out")
    assert script("preprocess_utkface.py", *inside, check=False).returncode == 2
    assert not (tmp_path / "in/out").exists()


def test_align_cuts_the_central_face_and_counts_images_without_one(script, tmp_path):
    (tmp_path / "in").mkdir()
    astronaut = skimage.data.astronaut()[20:240, 110:330, ::-1]
    beside = cv2.copyMakeBorder(astronaut, 60, 150, 60, 150, cv2.BORDER_REPLICATE)
    beside[-110:, -110:] = cv2.resize(astronaut, (110, 110), interpolation=cv2.INTER_AREA)
    for age, image in ((30, astronaut), (40, beside), (50, np.full_like(astronaut, 90))):
        cv2.imwrite(str(tmp_path / "in" / f"{age}_1_0_2017.png"), image)
    folders = ("--photo-dir", tmp_path / "in", "--output-dir", tmp_path / "out")
    settings = ("--img-size", 96, "--workers", 1, "--split-ratio", 1)
    done = script("preprocess_utkface.py", *folders, *settings, "--align")
    assert done.stdout == (
        "kept 2: 2 in train.csv, 0 in val.csv\n"
        f"dropped 1: no_face, such as {tmp_path}/in/50_1_0_2017.png\n"
    )
    crops = [
        cv2.imread(str(tmp_path / "out/crop" / f"{age}_1_0_2017.png.jpg")).astype(int)
        for age in (30, 40)
    ]
    assert np.abs(crops[0] - crops[1]).mean() < 8


def test_own_csv_end_to_end(script, noise_image, tmp_path):
    for name in "abcd":
        cv2.imwrite(str(tmp_path / f"{name}.png"), noise_image)
    (tmp_path / "faces.csv").write_text(
        "filename,age,gender,split\na.png,20,F,train\nb.png,30,M,train\nc.png,,F,val\nd.png,40,,val\n"
    )
    folders = ("--photo-dir", tmp_path, "--output-dir", tmp_path / "out")
    script("preprocess_csv.py", "--csv", tmp_path / "faces.csv", *folders, "--workers", 1)
    assert sorted((tmp_path / "out/train.csv").read_text().splitlines()) == [
        "a.png.jpg,20,0",
        "b.png.jpg,30,1",
        "filename,age,gender",
    ]
    assert sorted((tmp_path / "out/val.csv").read_text().splitlines()) == [
        "c.png.jpg,,0",
        "d.png.jpg,40,",
        "filename,age,gender",
    ]


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("preprocess_imdb.py", ["--db-path", "x.mat", "--photo-dir", "."], "x.mat: cannot be read"),
        (
            "preprocess_utkface.py",
            ["--photo-dir", "nowhere"],
            "nowhere: expected a folder of UTKFace images, found no folder",
        ),
        ("preprocess_csv.py", ["--csv", "x.csv", "--photo-dir", "."], "x.csv: cannot be read"),
    ],
)
def test_missing_input_is_one_line_and_exit_code_1(script, tmp_path, name, arguments, message):
    done = script(name, *arguments, "--output-dir", "out", check=False, cwd=tmp_path)
    assert (
        done.returncode == 1
        and done.stderr.startswith(f"error: {message}")
        and len(done.stderr.splitlines()) == 1
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        (
            "make_sample.py",
            ["--output-dir", "out", "--seed", -1],
            "argument --seed: invalid whole value: '-1'",
        ),
        (
            "report_data.py",
            ["--csv", "x", "--img-dir", "x", "--seed", -1],
            "argument --seed: invalid whole value: '-1'",
        ),
        (
            "evaluate.py",
            ["--model-card", "no/CARD.md"],
            "--model-card no/CARD.md: expected a file in an existing folder",
        ),
    ],
)
def test_wrong_arguments_are_refused_before_the_work(script, tmp_path, name, arguments, message):
    if name == "evaluate.py":
        arguments = [*arguments, "--model-dir", "x", "--csv", "x", "--img-dir", "x"]
    done = script(name, *arguments, check=False, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and not list(tmp_path.iterdir())


def children(pid):
    """The process ids whose parent is `pid`."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def test_sigterm_ends_preprocess_with_143_and_leaves_no_worker(sample, tmp_path):
    files = ("--db-path", sample[0] / "imdb.mat", "--photo-dir", sample[0])
    settings = ("--output-dir", tmp_path / "o", "--img-size", 1500, "--workers", 2)
    script_path = ROOT / "bin/preprocess_imdb.py"
    command = [sys.executable, *map(str, (script_path, *files, *settings))]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not (tmp_path / "o/crop").exists():
        time.sleep(0.01)
        assert process.poll() is None
    workers = children(process.pid)
    assert len(workers) >= 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 143 and not (tmp_path / "o/train.csv").exists()
    deadline = time.monotonic() + 10
    while any(pathlib.Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_predict_prints_the_line_of_the_article_for_a_listed_crop(script, trained, crops):
    table = read_labelled_csv(crops / "val.csv")
    done = script(
        "predict.py", "--image-path", crops / "crop" / table.filenames[0], "--model-dir", trained[0]
    )
    actual = f"{'FM'[table.labels['gender'][0]]}/{table.labels['age'][0]}"
    assert re.fullmatch(rf"Predicted: [FM]/\d+ \[\d+-\d+\] Actual: {actual}\n", done.stdout)
    assert done.stderr == ""


def test_predict_takes_folders_and_globs_writes_csv_and_counts_what_failed(
    script, trained, crops, tmp_path
):
    photos = tmp_path / "my, photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "b.png"), skimage.data.astronaut()[..., ::-1])
    (photos / "a\n.jpg").write_bytes(b"")
    done = script(
        *("predict.py", "--image-path", photos, crops / "crop" / "0*" / "*.jpg"),
        *("--model-dir", trained[0], "--format", "csv", "--output", tmp_path / "faces.csv"),
    )
    with open(tmp_path / "faces.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 + len(list(crops.glob("crop/0*/*.jpg")))
    assert rows[0]["error"] == "cannot be read: the file is empty"
    assert rows[1]["file"] == str(photos / "b.png") and rows[1]["left"] and not rows[2]["left"]
    assert "1 photos without a prediction" in done.stderr and not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("detector, expected", [("mtcnn", 1), ("none", 0)])
def test_a_photo_without_a_face(script, trained, tmp_path, detector, expected):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((80, 80, 3), 99, np.uint8))
    files = ("--image-path", tmp_path / "wall.png", "--model-dir", trained[0])
    done = script("predict.py", *files, "--face-detector", detector, check=False)
    assert done.returncode == expected
    if detector == "mtcnn":
        assert done.stdout.endswith("no face found\n")
    else:
        assert done.stdout.startswith("Predicted: ")


def test_a_folder_as_output_is_refused_before_the_work(script, trained, tmp_path):
    for name in (tmp_path, f"{tmp_path}/new/"):
        files = ("--image-path", ROOT / "examples/astronaut.jpg", "--output", name)
        done = script("predict.py", *files, check=False)
        assert done.returncode == 2
        assert f"--output {name}: expected a file, got a folder" in done.stderr


def test_no_photo_is_one_line(script, trained, tmp_path):
    done = script(
        "predict.py", "--image-path", tmp_path / "*.jpg", "--model-dir", trained[0], check=False
    )
    assert done.returncode == 1 and "expected a photo, a video, a folder with them" in done.stderr


@pytest.mark.slow
def test_predict_to_csv_goes_on_where_it_was_killed(script, trained, noise_image, tmp_path):
    (tmp_path / "photos").mkdir()
    for number in range(150):
        cv2.imwrite(
            str(tmp_path / "photos" / f"{number:03}.png"), np.roll(noise_image, number, axis=1)
        )
    files = ("--image-path", tmp_path / "photos", "--model-dir", trained[0])
    settings = ("--face-detector", "none", "--format", "csv", "--batch-size", 1)
    arguments = (*files, *settings, "--output")
    script("predict.py", *arguments, tmp_path / "whole.csv")
    script_path = ROOT / "bin/predict.py"
    command = [sys.executable, *map(str, (script_path, *arguments, tmp_path / "cut.csv"))]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not any(path.stat().st_size > 4000 for path in tmp_path.glob("cut.csv.*.tmp")):
        time.sleep(0.002)
        assert process.poll() is None
    process.kill()
    process.wait()
    done = script("predict.py", *arguments, tmp_path / "cut.csv")
    assert "continuing after " in done.stderr and "of 150 photos" in done.stderr
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not list(tmp_path.glob("*.tmp"))


def test_predict_draws_into_copies_and_never_over_the_photos(script, trained, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "x.png"), skimage.data.astronaut()[..., ::-1])
    arguments = ("--model-dir", trained[0], "--image-path", tmp_path / "a", tmp_path / "b")
    script("predict.py", *arguments, "--draw", tmp_path / "drawn")
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        "_x.png.jpg",
        "x.png.jpg",
    ]
    done = script("predict.py", *arguments, "--draw", tmp_path, check=False)
    assert done.returncode == 2 and "expected a folder without the photos" in done.stderr


def test_predict_says_unknown_where_the_model_is_not_sure(script, trained, crops):
    image = next((crops / "crop").rglob("*.jpg"))
    files = ("--model-dir", trained[0], "--image-path", image)
    arguments = (*files, "--face-detector", "none", "--min-confidence")
    assert script("predict.py", *arguments, 1).stdout.startswith("Predicted: unknown/")
    assert script("predict.py", *arguments, 0).stdout[:13] in ("Predicted: M/", "Predicted: F/")
    assert script("predict.py", *arguments, 1.5, check=False).returncode == 2
