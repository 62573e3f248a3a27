"""The scripts on a disk that takes no more: one line, exit code 1, what was there is whole, and a
later run completes.

Most of them meet a limit on the size of files (RLIMIT_FSIZE), which needs no rights; one a small
file system.
"""

import csv
import json
import resource
import shutil
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.conftest import ROOT


def limit(num_bytes):
    """The options that let a script write files of so many bytes, and no larger ones."""
    return {
        "check": False,
        "preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, num_bytes)),
    }


def last_line(done):
    """The last line of stderr after exit code 1; there is no traceback, and nothing but progress
    before it."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("error:") == 1
    return done.stderr.splitlines()[-1]


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def preprocess_arguments(sample):
    return [
        "--db-path",
        sample[0] / "imdb.mat",
        "--photo-dir",
        sample[0],
        "--workers",
        1,
        "--img-size",
    ]


def test_lists_that_do_not_fit_leave_all_earlier_ones(
    script, preprocess_arguments, crops, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(crops, out)
    before = contents(out)
    other_split = [*preprocess_arguments, 32, "--output-dir", out, "--seed", 9]
    size = sum((out / name).stat().st_size for name in ("train.csv", "val.csv")) // 2
    for ratio, name in (
        (0.9, "train.csv"),
        (0.1, "val.csv"),
    ):  # train.csv is written first, and fits the second time
        line = last_line(
            script("preprocess_imdb.py", *other_split, "--split-ratio", ratio, **limit(size))
        )
        assert (
            line.startswith(f"error: {out}/{name}: File too large; lift the limit")
            and contents(out) == before
        )
    script("preprocess_imdb.py", *other_split)
    assert contents(out).keys() == before.keys() and contents(out)["val.csv"] != before["val.csv"]


def test_crops_on_a_full_disk(script, preprocess_arguments, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(out)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system is not allowed here")
    try:
        arguments = [*preprocess_arguments, 32, "--output-dir", out]
        line = last_line(script("preprocess_imdb.py", *arguments, check=False))
        assert line.startswith(f"error: {out}/crop/") and line.endswith(
            ": No space left on device; make room and start again"
        )
        assert not (out / "train.csv").exists()
        subprocess.run(["mount", "-o", "remount,size=50m", str(out)], check=True)
        script("preprocess_imdb.py", *arguments)
        with open(out / "train.csv", newline="", encoding="utf-8") as file:
            assert all((out / "crop" / row["filename"]).is_file() for row in csv.DictReader(file))
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_output_that_cannot_be_printed(preprocess_arguments, script, crops, tmp_path):
    shutil.copytree(crops, tmp_path / "out")
    command = ["bash", "-c", 'exec "$@" >/dev/full', "bash", str(ROOT / "bin/preprocess_imdb.py")]
    command = [*command[:4], sys.executable, command[4]]
    arguments = map(str, [*preprocess_arguments, 32, "--output-dir", tmp_path / "out"])
    line = last_line(subprocess.run([*command, *arguments], capture_output=True, text=True))
    assert line == "error: standard output: No space left on device; make room and start again"


@pytest.mark.slow
def test_training_and_export_that_cannot_write_leave_what_was_there(
    script, train_arguments, trained, tmp_path
):
    model = tmp_path / "model"
    shutil.copytree(trained[0], model, ignore=shutil.ignore_patterns("events.*", "model.ckpt-6*"))
    arguments = ["train.py", *train_arguments, "--model-dir", model, "--num-steps", 14]
    before = contents(model)
    line = last_line(
        script(*arguments, **limit(20_000_000))
    )  # under the size of a checkpoint, over that of the rest
    assert (
        line.startswith(f"error: training stopped: {model}/model.ckpt-12_temp/")
        and "File too large; lift" in line
    )
    after = contents(model)
    assert {
        name for name in after if before.get(name) != after[name] and "events." not in name
    } == {"hparams.json"}
    assert before.keys() <= after.keys()

    line = last_line(script("export.py", "--model-dir", model, **limit(5_000_000)))
    assert line.startswith(f"error: {model}/serving/temp-") and "File too large; lift" in line
    assert contents(model) == after

    num_exports = len(list((model / "serving").iterdir()))
    script(*arguments)
    assert tf.train.latest_checkpoint(model / "best")
    assert len(list((model / "serving").iterdir())) == num_exports + 1
    assert json.loads((model / "eval.json").read_text())["evaluations"][-1]["step"] == 14


def test_answers_that_do_not_fit_are_gone_on_with(script, trained, crops, tmp_path):
    arguments = [
        "predict.py",
        "--image-path",
        crops / "crop",
        "--model-dir",
        trained[0],
        "--face-detector",
        "none",
    ]
    arguments += ["--format", "csv", "--batch-size", 8, "--output", tmp_path / "faces.csv"]
    line = last_line(script(*arguments, **limit(6000)))
    assert line.startswith(
        f"error: {tmp_path}/faces.csv: File too large; lift the limit on the size of "
        "files (ulimit -f)"
    )
    assert not (tmp_path / "faces.csv").exists()
    assert "continuing after " in script(*arguments).stderr
    with open(tmp_path / "faces.csv", newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == len(list((crops / "crop").rglob("*.jpg")))
