"""The dict of datasets, and the command line that `preprocess` makes from it."""

import subprocess
import sys

import numpy as np

from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.example import Example
from age_gender_estimation.datasets.registry import DATASETS
from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.faces.crop import GEOMETRIES
from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.tasks.labels import LABELS
from tests.conftest import ROOT, run_command


def test_datasets_have_a_known_geometry_and_an_age_limit():
    assert list(DATASETS) == [
        *("imdb", "wiki", "utkface", "fairface", "adience", "all_age_faces", "appa_real", "agedb"),
        "csv",
    ]
    assert all(dataset.geometry in GEOMETRIES for dataset in DATASETS.values())
    limits = {name: dataset.max_age for name, dataset in DATASETS.items()}
    assert (limits.pop("imdb"), limits.pop("wiki")) == (100, 100)
    assert set(limits.values()) == {LABELS["age"].highest}


def test_the_registry_loads_neither_scipy_nor_tensorflow():
    code = (
        "import sys; from age_gender_estimation.datasets import registry, synthetic; "
        "from age_gender_estimation.cli import preprocess; "
        "print({'scipy', 'tensorflow', 'mtcnn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_a_new_entry_gets_its_command(tmp_path, monkeypatch):
    def read(arguments, filters):
        for number in range(arguments.num_faces):
            yield Example(f"{number}.jpg", {"age": 20 + number}, str(number))

    new = Dataset(
        description="faces for a test",
        photo_dir="folder of the faces",
        geometry="utkface",
        read=read,
        arguments={"--num-faces": {"type": int, "required": True, "help": "how many"}},
    )
    monkeypatch.setitem(DATASETS, "new", new)
    for number in range(8):
        face = draw_face(20 + number, 1, np.random.default_rng(number), 48)
        (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(face))
    arguments = ["--num-faces", "8", "--photo-dir", ".", "--output-dir", "out"]
    options = ["--img-size", "32", "--split-ratio", "0.5", "--workers", "1"]
    done = run_command(["preprocess", "new", *arguments, *options], cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("kept 8: "), done.stderr
    done = run_command(["preprocess", "new", "--help"])
    assert "folder of the faces" in done.stdout and "--num-faces" in done.stdout
    done = run_command(["preprocess", "imbd"])
    assert done.returncode == 2 and "imdb" in done.stderr
