"""Using a model needs no TensorFlow: what runs in a process that cannot import it."""

import json
import os
import subprocess
import sys

import cv2
import pytest

from age_gender_estimation.cli.main import EXTRAS
from tests.conftest import ROOT

PACKAGE = "age_gender_estimation"
# The base install: it has none of the libraries of the extras.
BASE = ("storage", "faces", "workers", "datasets", "predict")
BASE_MODULES = [
    *(path for room in BASE for path in sorted((ROOT / PACKAGE / room).glob("*.py"))),
    *(ROOT / PACKAGE / "tasks" / name for name in ("labels.py", "age_groups.py")),
    *(ROOT / PACKAGE / "data" / name for name in ("manifest.py", "preprocess.py", "crops.py")),
    *(ROOT / PACKAGE / "cli" / name for name in ("main.py", "predict.py", "preprocess.py")),
]
NOT_BASE = ("synthetic.py",)  # drawn faces need SciPy
# These need the extra web or matplotlib, but no TensorFlow.
OTHER_MODULES = [
    *(path for room in ("service", "data_report") for path in (ROOT / PACKAGE / room).glob("*.py")),
    *(ROOT / PACKAGE / "cli" / name for name in ("serve.py", "report.py")),
]
# Python imports this at the start of every process, worker processes too.
SITECUSTOMIZE = """
import os, sys
for name in os.environ["NOT_INSTALLED"].split():
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
"""
IMPORT_ALL = """
import importlib, json, sys
failures = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        failures[name] = str(error)
print(json.dumps(failures))
"""


@pytest.fixture
def run_without(tmp_path_factory):
    """A function that runs this interpreter as if some libraries were not installed."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}

    def run(libraries, *arguments):
        command = [sys.executable, *map(str, arguments)]
        variables = {**environment, "NOT_INSTALLED": " ".join(libraries)}
        return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)

    return run


@pytest.mark.parametrize(
    "libraries, paths",
    [(EXTRAS, BASE_MODULES), (("tensorflow", "mtcnn"), OTHER_MODULES)],
    ids=["the base install", "no TensorFlow"],
)
def test_modules_can_be_imported(run_without, libraries, paths):
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in paths
        if path.name not in NOT_BASE
    ]
    done = run_without(libraries, "-c", IMPORT_ALL, *names)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


API = """
import sys, time
start = time.perf_counter()
import age_gender_estimation
assert time.perf_counter() - start < 1 and "numpy" not in sys.modules
from age_gender_estimation import FaceAnalyzer
with FaceAnalyzer() as analyzer:
    [face] = analyzer.predict_crops([sys.argv[1]])
assert sys.modules["tensorflow"] is None
print(f"{face.age:.2f} {face.gender} {face.race}")
"""


def test_predicting_runs_in_the_base_install(run_without, script, tmp_path):
    """The command and the API, with the shipped ONNX file; TensorFlow predicts the same."""
    path = tmp_path / "face.png"
    cv2.imwrite(str(path), cv2.imread(str(ROOT / "examples/astronaut.jpg"))[30:190, 140:300])
    command = ("predict", "--image-path", path, "--face-detector", "none")
    done = run_without(EXTRAS, "-m", PACKAGE, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout == script("predict.py", *command[1:], "--runtime", "saved-model").stdout
    done = run_without(EXTRAS, "-c", API, path)
    assert done.returncode == 0, done.stderr
    [record] = json.loads(script("predict.py", *command[1:], "--format", "json").stdout)
    assert done.stdout == f"{record['age']:.2f} {record['gender']} {record['race']}\n"


def test_a_saved_model_without_tensorflow_is_one_line(run_without, tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), cv2.imread(str(ROOT / "examples/astronaut.jpg")))
    command = ("predict", "--image-path", tmp_path / "face.png", "--runtime", "saved-model")
    done = run_without(EXTRAS, "-m", PACKAGE, *command)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "predict needs tensorflow, which is not installed; type: pip install" in done.stderr


def test_preprocess_runs_in_the_base_install(run_without, noise_image, tmp_path):
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), noise_image)
    (tmp_path / "faces.csv").write_text("filename,age,split\na.png,20,train\nb.png,30,val\n")
    files = ("--csv", tmp_path / "faces.csv", "--photo-dir", tmp_path)
    command = ("preprocess", "csv", *files, "--output-dir", tmp_path / "out", "--workers", 2)
    done = run_without(EXTRAS, "-m", PACKAGE, *command)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "kept 2: 1 in train.csv, 1 in val.csv\n"
    assert (tmp_path / "out/train.csv").read_text() == "filename,age,gender\na.png.jpg,20,\n"
