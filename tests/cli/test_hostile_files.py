"""Folders and models of strangers: no hang, no traceback, nothing but text on the terminal."""

import csv
import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.predict.predictor import find_export


@pytest.fixture
def hostile(tmp_path):
    """A folder in which every file but two is a trap."""
    face = encode_jpeg(draw_face(30, 1, np.random.default_rng(0), 64))
    folder = tmp_path / "in"
    (folder / "x.jpg").mkdir(parents=True)
    (folder / "loop").symlink_to(".")
    (folder / "gone.jpg").symlink_to("loop.jpg")
    (folder / "self.jpg").symlink_to("self.jpg")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.jpg")
    (folder / ("y" * 200 + ".jpg")).write_bytes(face)
    (folder / "\x1b]0;title\x07\x1b[2J\n.jpg").write_bytes(face + b"PK\x03\x04" + bytes(5000))
    (folder / os.fsdecode(b"caf\xe9\x9b2J.jpg")).write_bytes(face[:-100])
    (folder / "=cmd|'x'!A1.jpg").write_bytes(b"GIF89a")
    return folder


@pytest.mark.parametrize("style", ["text", "json", "csv"])
def test_predict_does_what_it_can_and_reports_the_rest(script, trained, hostile, style):
    arguments = [
        "--image-path",
        "in",
        "--model-dir",
        trained[0],
        "--face-detector",
        "none",
        "--format",
        style,
    ]
    arguments += ["--draw", "drawn"]
    done = script(
        "predict.py", *arguments, cwd=hostile.parent, timeout=300, errors="surrogateescape"
    )
    assert done.stderr == "2 faces predicted, 4 photos without a prediction\n"
    if style != "csv":
        assert done.stdout.replace("\n", "").isprintable()
    if style == "json":
        records = json.loads(done.stdout)
    elif style == "csv":
        records = list(csv.DictReader(done.stdout.splitlines(keepends=True)))
    else:
        assert len(done.stdout.splitlines()) == 6
        return
    assert sorted(record["file"] for record in records) == sorted(
        str(path.relative_to(hostile.parent))
        for path in hostile.iterdir()
        if path.name not in ("x.jpg", "loop", "zero.jpg", "pipe.jpg")
    )
    assert len(list((hostile.parent / "drawn").iterdir())) == 2


def test_the_name_of_a_variable_does_not_reach_the_terminal(script, tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "imdb.mat", {"evil": 1})
    content = (tmp_path / "imdb.mat").read_bytes().replace(b"evil", b"\x1b[2J")
    (tmp_path / "imdb.mat").write_bytes(content)
    arguments = ("--db-path", "imdb.mat", "--photo-dir", ".", "--output-dir", "out")
    done = script("preprocess_imdb.py", *arguments, cwd=tmp_path, check=False)
    line = "error: imdb.mat: expected a struct named imdb or wiki, found \\x1b[2J\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


@pytest.mark.parametrize(
    "name, content",
    [
        ("hparams.json", "[" * 100_000),
        ("hparams.json", '{"img_size": "112"}'),
        ("eval.json", '{"evaluations": [{"step": "\x1b[2J"}]}'),
        ("eval.json", "[]"),
        ("data.json", "[" * 100_000),
    ],
)
def test_a_hostile_model_folder_is_one_line(trained, tmp_path, name, content):
    from age_gender_estimation.errors import InputError
    from age_gender_estimation.export.saved_model import export_model

    shutil.copytree(trained[0], tmp_path / "model", ignore=shutil.ignore_patterns("serving"))
    (tmp_path / "model" / name).write_text(content)
    with pytest.raises(InputError, match=name) as caught:
        export_model(str(tmp_path / "model"))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
@pytest.mark.parametrize(
    "name",
    ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"],
)
def test_a_truncated_export_is_one_line(trained, tmp_path, name, share):
    from age_gender_estimation.errors import InputError
    from age_gender_estimation.predict.predictor import Predictor

    shutil.copytree(find_export(str(trained[0])), tmp_path / "export")
    path = pathlib.Path(tmp_path / "export" / name)
    os.truncate(path, int(path.stat().st_size * share))
    with pytest.raises(
        InputError, match="expected a SavedModel exported by this project"
    ) as caught:
        Predictor(str(tmp_path / "export"))
    assert "\n" not in str(caught.value)
