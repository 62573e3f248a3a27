"""predict.py on videos, streams and mixtures, as a user meets it."""

import contextlib
import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import cv2
import jsonschema
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.cli import predict
from age_gender_estimation.faces.video_frames import Video
from tests.conftest import ROOT

ASTRONAUT = skimage.data.astronaut()[:240, 100:340]
NOBODY = np.random.default_rng(0).integers(80, 100, ASTRONAUT.shape, np.uint8)
SCHEMA = json.loads((ROOT / "age_gender_estimation/predict/records.schema.json").read_text())


@pytest.fixture
def holidays(write_video, tmp_path):
    """A folder with a photo, a video of three frames, one that was cut off and one that is none."""
    folder = tmp_path / "holidays"
    folder.mkdir()
    cv2.imwrite(str(folder / "a.png"), ASTRONAUT[..., ::-1])
    write_video(folder / "b.mp4", [ASTRONAUT, NOBODY, ASTRONAUT])
    cut = pathlib.Path(write_video(folder / "c.avi", [NOBODY] * 20, codec="MJPG"))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (folder / "d.mov").write_bytes(b"garbage")
    return folder


def test_a_folder_of_photos_and_videos_good_and_bad(script, trained, holidays):
    drawn = holidays.parent / "drawn"
    arguments = (
        "--image-path",
        holidays,
        "--model-dir",
        trained[0],
        "--draw",
        drawn,
        "--format",
        "json",
    )
    done = script("predict.py", *arguments, timeout=300)  # a process of its own
    records = json.loads(done.stdout)
    jsonschema.validate(records, SCHEMA)
    found = {(record["file"][-5:], record["frame"]): record for record in records}
    assert len(found) == len(records)
    for where in (("a.png", None), ("b.mp4", 0), ("b.mp4", 2)):
        assert found[where]["face"] == 0 and found[where]["gender"] and found[where]["left"] > 0
    assert found["b.mp4", 1]["error"] == "no face found"
    count = sum(where[0] == "c.avi" for where in found) - 1
    assert (
        found["c.avi", None]["error"] == f"cannot be read: it ends after {count} of 20 frames"
        and 5 < count < 15
    )
    assert found["d.mov", None]["error"].startswith("cannot be read: not a video that OpenCV reads")
    # Nothing of what OpenCV and FFmpeg print themselves.
    assert done.stderr == f"3 faces predicted, {count + 3} photos or frames without a prediction\n"
    assert sorted(path.name for path in drawn.iterdir()) == ["a.png.jpg", "b.mp4", "c.avi.mp4"]
    assert [Video(str(drawn / name)).num_frames for name in ("b.mp4", "c.avi.mp4")] == [3, count]


@pytest.mark.parametrize(
    "name, line",
    [
        ("9", "9: cannot be read: expected a camera with the number 9, found none\n"),
        (
            "c.mp4",
            "c.mp4: cannot be read: not a video that OpenCV reads (MP4, MOV, AVI, MKV, WebM), or",
        ),
    ],
)
def test_no_camera_and_no_video_are_one_line(script, trained, tmp_path, name, line):
    (tmp_path / "c.mp4").write_bytes(b"garbage")
    arguments = ("--image-path", name, "--model-dir", trained[0], "--draw", "drawn")
    done = script("predict.py", *arguments, cwd=tmp_path, check=False)
    assert (
        done.returncode == 1
        and done.stdout.startswith(line)
        and done.stdout.count("\n") == 1
        and not done.stderr
    )
    assert not (tmp_path / "drawn").exists()


def test_a_csv_that_was_cut_off_within_a_video_has_each_row_once(
    script, trained, write_video, tmp_path
):
    for name in "abc":
        write_video(tmp_path / f"{name}.mp4", [ASTRONAUT, NOBODY] * 60)
    arguments = [
        "--image-path",
        tmp_path,
        "--model-dir",
        trained[0],
        "--face-detector",
        "none",
        "--every",
        2,
    ]
    arguments += ["--format", "csv", "--output"]
    script("predict.py", *arguments, tmp_path / "whole.csv")
    process = start(arguments + [tmp_path / "cut.csv"])
    half = (tmp_path / "whole.csv").stat().st_size / 2  # of three videos
    while not any(path.stat().st_size > half for path in tmp_path.glob("cut.csv.*.tmp")):
        time.sleep(0.002)
        assert process.poll() is None
    process.kill()
    process.wait()
    done = script("predict.py", *arguments, tmp_path / "cut.csv")
    assert "continuing after " in done.stderr and "of 3 photos and videos" in done.stderr
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    with open(tmp_path / "cut.csv", encoding="utf-8", newline="") as file:
        rows = [(row["file"][-5:], int(row["frame"])) for row in csv.DictReader(file)]
    assert rows == [(f"{name}.mp4", number) for name in "abc" for number in range(0, 120, 2)]


@pytest.fixture
def stream(write_video, tmp_path):
    """A pipe into which frames come one by one until nobody reads it any more, as from a camera."""
    whole = pathlib.Path(
        write_video(tmp_path / "whole.mkv", [ASTRONAUT] * 400, codec="MJPG")
    ).read_bytes()
    path = tmp_path / "live.mkv"
    os.mkfifo(path)

    def feed():
        with contextlib.suppress(BrokenPipeError), open(path, "wb", buffering=0) as pipe:
            for start in range(0, len(whole), len(whole) // 400):
                pipe.write(whole[start : start + len(whole) // 400])
                time.sleep(0.05)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    yield path
    with contextlib.suppress(OSError):  # a test that failed early never opened it
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    thread.join(timeout=30)


def start(arguments, **options):
    command = [sys.executable, str(ROOT / "bin/predict.py"), *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, **options)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stream_is_predicted_live_until_it_is_stopped_and_nothing_is_lost(
    trained, stream, tmp_path, number, code
):
    arguments = [
        "--image-path",
        stream,
        "--model-dir",
        trained[0],
        "--face-detector",
        "none",
        "--draw",
        tmp_path / "drawn",
    ]
    process = start([*arguments, "--format", "json"], stdout=subprocess.PIPE, text=True)
    lines = [
        process.stdout.readline() for _ in range(4)
    ]  # as they come: the stream is not at its end
    assert process.poll() is None and lines[0] == "[\n" and '"frame": 2' in lines[3]
    process.send_signal(number)
    records = json.loads("".join(lines) + process.stdout.read())
    assert process.wait(timeout=60) == code
    jsonschema.validate(records, SCHEMA)
    assert [record["frame"] for record in records] == list(range(len(records))) and 3 <= len(
        records
    ) < 400
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["live.mkv.mp4"]
    assert Video(str(tmp_path / "drawn/live.mkv.mp4")).num_frames >= len(records)


def test_the_model_in_the_package_is_used_if_none_is_named(script, trained, holidays, monkeypatch):
    arguments = ("--image-path", holidays / "a.png")
    monkeypatch.setattr(predict, "PRETRAINED", str(trained[0]))
    assert script("predict.py", *arguments).stdout.startswith("Predicted: ")
    monkeypatch.setattr(predict, "PRETRAINED", str(holidays / "none"))
    done = script("predict.py", *arguments, check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "error: --model-dir is not given: expected the model that " in done.stderr


@pytest.mark.parametrize("name, start", [("x.csv", "file,face,"), ("x.json", "["), ("x.txt", "Pr")])
def test_the_ending_of_the_output_decides_its_format(script, trained, holidays, name, start):
    arguments = ("--image-path", holidays / "a.png", "--model-dir", trained[0])
    script("predict.py", *arguments, "--output", holidays / name)
    assert (holidays / name).read_text().startswith(start)
