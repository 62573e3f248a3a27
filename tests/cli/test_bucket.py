"""The scripts on a bucket, with a server of them (moto) on this machine: one way through, and what
can go wrong."""

import csv
import io
import json
import os
import re
import subprocess
import sys
import urllib.error

import pytest

STORAGE = """
import os, sys
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import write_file
root = sys.argv[1]
filesystem.makedirs(root + "/a/deep")
write_file(root + "/a/one.txt", b"1")
write_file(root + "/a/one.txt", "\\u00e4,\\r\\n2".encode())
filesystem.copy(root + "/a/one.txt", root + "/a/two, 2.txt")
filesystem.copy(root + "/a/one.txt", root + "/a/deep/three.txt")
filesystem.remove(root + "/a/one.txt")
with filesystem.local_copy(root + "/a/two, 2.txt") as path:
    print(open(path, "rb").read())
with filesystem.open(root + "/a/two, 2.txt", "utf-8", newline="") as file:
    print(ascii(list(file)))
print(sorted(filesystem.listdir(root + "/a")), filesystem.size_of(root + "/a"))
print([[ask(root + name) for name in ("/a", "/a/", "/a/two, 2.txt", "/a/one.txt", "/b", "/a/two")]
       for ask in (filesystem.exists, filesystem.isdir, filesystem.isfile)])
for name in ("/a/one.txt", "/b/x"):
    try:
        filesystem.read_bytes(root + name)
    except OSError as error:
        print(type(error).__name__, error.filename == root + name, bool(error.strerror))
print(len(filesystem.read_all([root + "/a/two, 2.txt"] * 40)))
print("tensorflow" in sys.modules, filesystem.is_s3_used())
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture
def environment(bucket_server):
    """What points the scripts to the server."""
    return {**os.environ, **bucket_server.environment}


@pytest.fixture(scope="session")
def data(bucket_server, crops):
    """The preprocessed sample in a bucket."""
    bucket_server.send("PUT", "faces")
    for path in crops.rglob("*"):
        if path.is_file():
            bucket_server.send(
                "PUT", f"faces/data/{path.relative_to(crops).as_posix()}", path.read_bytes()
            )
    return "s3://faces/data"


def training(data, model_dir, *more):
    arguments = [
        "--img-dir",
        f"{data}/crop",
        "--train-csv",
        f"{data}/train.csv",
        "--val-csv",
        f"{data}/val.csv",
    ]
    arguments += [
        "--img-size",
        16,
        "--batch-size",
        8,
        "--backbone",
        "cnn",
        "--log-steps",
        2,
        "--model-dir",
        model_dir,
    ]
    return [*arguments, *more]


def test_storage_does_the_same_here_and_in_a_bucket(bucket_server, environment, tmp_path):
    bucket_server.send("PUT", "things")
    command = [sys.executable, "-c", STORAGE]
    outputs = [
        subprocess.run(
            [*command, root], env=environment, capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for root in (str(tmp_path), "s3://things/some/where")
    ]
    assert outputs[0][:-1] == outputs[1][:-1] and len(outputs[0]) == 8
    assert outputs[0][2] == "['deep', 'two, 2.txt'] 12"
    assert (outputs[0][-1], outputs[1][-1]) == ("False False", "True True")


@pytest.mark.slow
def test_train_evaluate_export_and_predict_in_a_bucket(
    script, bucket_server, environment, data, crops, tmp_path
):
    model = "s3://faces/models/tiny"
    options = {"env": environment, "check": False, "cwd": tmp_path}
    done = script(
        "train.py", *training(data, model, "--num-steps", 4, "--eval-steps", 4), **options
    )
    assert done.returncode == 0, done.stderr
    export = re.search(r"exported: s3://(faces/models/tiny/serving/\d+)\n$", done.stdout)[1]
    keys = bucket_server.keys("faces", "models/tiny/")
    names = {key.removeprefix("models/tiny/") for key in keys}
    assert {
        "checkpoint",
        "hparams.json",
        "data.json",
        "eval.json",
        "model.ckpt-4.index",
        "best/checkpoint",
    } <= names
    assert {"best/model.ckpt-4.index", "best/model.ckpt-4.data-00000-of-00001"} <= names
    assert f"{export}/assets.extra/model.json".removeprefix("faces/") in keys
    # Nothing half-written is left, and the last summary was sent off before the process left.
    assert not [name for name in names if "temp" in name or name.endswith(".tmp")]
    events = next(name for name in names if name.startswith("events.out"))
    assert b"age_loss" in bucket_server.send("GET", f"faces/models/tiny/{events}")

    inputs = ("--csv", f"{data}/val.csv:gender", "--img-dir", f"{data}/crop")
    done = script("evaluate.py", "--model-dir", model, *inputs, **options)
    assert done.returncode == 0, done.stderr
    report = json.loads(bucket_server.send("GET", "faces/models/tiny/evaluation/evaluation.json"))
    assert (
        report["rows"] == len((crops / "val.csv").read_text().splitlines()) - 1
        and "age" not in report
    )
    assert bucket_server.send("GET", "faces/models/tiny/evaluation/evaluation.png").startswith(
        b"\x89PNG"
    )

    done = script("export.py", "--model-dir", model, **options)
    assert done.returncode == 0 and re.match(
        r"exported: s3://faces/models/tiny/serving/\d+\n$", done.stdout
    ), done.stderr

    arguments = [
        "--model-dir",
        model,
        "--image-path",
        f"{data}/crop",
        "--format",
        "csv",
        "--draw",
        "s3://faces/drawn",
    ]
    done = script("predict.py", *arguments, "--output", "s3://faces/answers.csv", **options)
    assert done.returncode == 0, done.stderr
    rows = list(
        csv.DictReader(io.StringIO(bucket_server.send("GET", "faces/answers.csv").decode()))
    )
    num_crops = len([path for path in (crops / "crop").rglob("*") if path.is_file()])
    assert len(rows) == num_crops == len(bucket_server.keys("faces", "drawn/"))
    assert all(
        row["age"] and row["actual_age"] and row["file"].startswith(f"{data}/crop/") for row in rows
    )
    assert list(tmp_path.iterdir()) == []  # no folder called s3:


PHOTO, LISTS = (
    ["predict.py", "--image-path"],
    ["evaluate.py", "--img-dir", "s3://faces/data/crop", "--csv"],
)
WRONG = {
    "bucket": (
        PHOTO,
        "s3://no-such-bucket/x.jpg",
        {},
        1,
        "s3://no-such-bucket/: no such bucket at http://127.0.0.1",
    ),
    "photo": (PHOTO, "s3://faces/x.jpg", {}, 1, "--image-path s3://faces/x.jpg: expected a photo"),
    "manifest": (LISTS, "s3://faces/x.csv", {}, 1, "s3://faces/x.csv: cannot be read"),
    "label": (
        LISTS,
        "s3://faces/data/val.csv:shoe",
        {},
        2,
        "s3://faces/data/val.csv:shoe: unknown label 'shoe'",
    ),
    "server": (
        PHOTO,
        "s3://faces/x.jpg",
        {"S3_ENDPOINT": "127.0.0.1:9"},
        1,
        "s3://faces/: http://127.0.0.1:9 does not answer",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line_and_the_exit_code(script, environment, data, trained, name):
    command, path, variables, code, message = WRONG[name]
    arguments = [*command, path, "--model-dir", trained[0]]
    done = script(*arguments, check=False, env={**environment, **variables})
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"error: {message}") and len(done.stderr.splitlines()) == 1


def test_refused_credentials_are_one_line(script, bucket_server, environment, data):
    bucket_server.send("POST", "moto-api/reset-auth", b"0")
    try:
        done = script("predict.py", "--image-path", f"{data}/crop", check=False, env=environment)
        with pytest.raises(urllib.error.HTTPError):
            bucket_server.send("GET", "faces/data/val.csv")
    finally:
        bucket_server.send("POST", "moto-api/reset-auth", b"1000000000")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "refuses these credentials" in done.stderr and "AWS_ACCESS_KEY_ID" in done.stderr
