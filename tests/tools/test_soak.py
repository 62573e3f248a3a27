"""Each check of the kill campaign (make soak) fails on the fault that it is there for."""

import os
import shutil
import subprocess

import pytest

from tools.soak.comparison import (
    check_finished_model,
    check_model_folder,
    check_order,
    check_steps,
    compare_folders,
)
from tools.soak.processes import Openings, left_behind


@pytest.fixture
def two_folders(tmp_path):
    for name in ("expected", "actual"):
        (tmp_path / name / "crop").mkdir(parents=True)
        (tmp_path / name / "crop" / "a.jpg").write_bytes(b"\xff\xd8" + bytes(100))
        (tmp_path / name / "train.csv").write_text("filename,age\na.jpg,3\n")
    return tmp_path / "expected", tmp_path / "actual"


def test_a_changed_byte_a_missing_file_and_a_leftover_are_differences(two_folders):
    expected, actual = two_folders
    assert compare_folders(expected, actual) == []
    data = bytearray((actual / "crop/a.jpg").read_bytes())
    data[50] ^= 1
    (actual / "crop/a.jpg").write_bytes(data)
    (actual / "train.csv").unlink()
    (actual / ".crops.tmp").mkdir()
    assert compare_folders(expected, actual) == [
        "train.csv is missing",
        ".crops.tmp is left over",
        "crop/a.jpg differs",
    ]


LOG = "resuming from step 30 in m\nstep 31 of 90 | ...\nstep 32 of 90 | ...\n"


@pytest.mark.parametrize(
    "log, resumed_at, difference",
    [
        (LOG, 30, None),
        (LOG, 32, "resumed from step ['30'], but the newest checkpoint was of step 32"),
        (
            LOG.replace("step 31 ", "step 29 "),
            30,
            "made steps 29 to 32, with gaps or not from 31 on",
        ),
        ("step 1 of 90 | ...\n", 0, None),
        ("step 1 of 90 | ...\n", 30, "resumed from step []"),
        ("killed while it loaded\n", 30, None),
    ],
)
def test_a_start_that_does_not_go_on_at_the_newest_checkpoint_is_a_difference(
    log, resumed_at, difference
):
    differences, _ = check_steps(log, resumed_at, 30)
    assert differences[0].startswith(difference) if difference else differences == []


def test_what_must_be_saved_follows_from_the_log():
    made = "".join(f"step {step} of 90 | ...\n" for step in range(1, 62))
    assert (
        check_steps(made, 0, 30)[1] == 60
    )  # step 61 was made, so the checkpoint of step 60 was finished
    assert (
        check_steps(made[: made.index("step 61")], 0, 30)[1] == 30
    )  # that of step 60 may have been cut off
    assert check_steps("resuming from step 47 in m\n", 47, 30)[1] == 47


def test_a_start_that_repeats_the_epoch_of_another_one_is_a_difference():
    first, second = (
        [f"{number}.jpg" for number in range(50)],
        [f"{number}.jpg" for number in range(100, 150)],
    )
    assert (
        check_order({0: first, 30: second, 45: first[:5]}) == []
    )  # the last one was killed too early to tell
    assert (
        check_order({0: first, 30: second, 60: first[::-1]}) == []
    )  # other pictures first: another order
    assert check_order({0: first, 30: [first[1], first[0], *first[2:]]}) == [
        "the start from step 30 begins with the images of the start from step 0"
    ]


def test_a_model_folder_with_a_file_cut_off_or_left_over_is_a_difference(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "model")
    assert check_finished_model(tmp_path / "model", 12) == []
    assert check_finished_model(tmp_path / "model", 18) == [
        "evaluated at steps [6, 12], expected rising ones up to 18"
    ]
    (tmp_path / "model/serving/temp-1").mkdir()
    assert check_finished_model(tmp_path / "model", 12) == ["serving/temp-1 is left over"]
    for pattern in (
        "model.ckpt-12.data*",
        "best/*.data*",
        "serving/*/variables/*.data*",
        "eval.json",
        "data.json",
    ):
        path = next((tmp_path / "model").glob(pattern))
        os.truncate(path, path.stat().st_size // 2)
    what = [line.partition(" cannot be read")[0] for line in check_model_folder(tmp_path / "model")]
    export = next((tmp_path / "model/serving").glob("[0-9]*")).name
    assert what == [
        "data.json",
        "the newest checkpoint of model/",
        "the newest checkpoint of best/",
        "eval.json",
        f"serving/{export}",
    ]


def test_openings_are_seen_in_their_order(two_folders):
    folder = two_folders[0]
    openings = Openings(folder)
    for name in ("train.csv", "crop/a.jpg", "train.csv"):
        (folder / name).read_bytes()
    assert openings.names() == ["train.csv", "crop/a.jpg", "train.csv"]


def test_a_worker_that_outlives_its_parent_is_seen():
    shell = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!"], stdout=subprocess.PIPE, text=True, process_group=0
    )
    worker = int(shell.stdout.readline())
    shell.wait()
    assert left_behind(shell.pid, seconds=0.2) == [worker]
    os.kill(worker, 9)
    assert left_behind(shell.pid) == []
