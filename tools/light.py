"""Installs the wheel in environments without TensorFlow, and compares what it does there with here.

    python -m tools.light
    python -m tools.light --pythons 3.13 --face-detector mtcnn

For each Python of the list that this machine has: a new virtual environment, the wheel with its
base dependencies, then predict on a photo, a folder and a video, the Python API, and preprocess
without alignment. The exit code is 1 if something differs. `make test-light` runs it.
"""

import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import Any

import cv2
import numpy as np

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.run import run
from age_gender_estimation.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHONS = ("3.10", "3.12", "3.13")
YEARS, PROBABILITY = 0.01, 0.001  # other versions of OpenCV and onnxruntime add up otherwise
API = """
import json, sys
from age_gender_estimation import FaceAnalyzer
with FaceAnalyzer() as analyzer:
    print(json.dumps([face.to_dict() for face in analyzer.predict_crops(sys.argv[1:])]))
"""
HAS_TENSORFLOW = (
    "import importlib.util, sys; sys.exit(importlib.util.find_spec('tensorflow') is not None)"
)


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("tools.light", __doc__)
    text = "versions of Python to try; those that are not on this machine are left out"
    parser.add_argument("--pythons", nargs="+", default=PYTHONS, help=text)
    text = "for predict; with none every photo is taken as a face crop"
    parser.add_argument("--face-detector", default="mtcnn", help=text)
    args = parser.parse_args(argv)
    found = {version: find_python(version) for version in args.pythons}
    for version in (version for version, path in found.items() if not path):
        print(f"Python {version}: not on this machine", flush=True)
    if not any(found.values()):
        raise InputError(f"expected one of Python {', '.join(args.pythons)}, found none")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        write_inputs(folder)
        expected = results(sys.executable, folder, folder / "here", args.face_detector)
        command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", folder, ROOT]
        call(command, folder)
        (wheel,) = folder.glob("*.whl")
        for version, python in found.items():
            if python:
                environment = folder / f"python{version}"
                light = install(python, environment, wheel)
                actual = results(light, folder, folder / f"out{version}", args.face_detector)
                compare(f"Python {version}", expected, actual)
                print(f"Python {version}: equal; {megabytes(environment)} MB", flush=True)
                shutil.rmtree(environment)


def find_python(version: str) -> str | None:
    """Returns an interpreter of a version such as 3.13: pyenv's, or that of the search path."""
    root = os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv"))
    installed = glob.glob(os.path.join(root, "versions", f"{version}.*", "bin", "python"))
    return max(installed, default=None) or shutil.which(f"python{version}")


def write_inputs(folder: pathlib.Path) -> None:
    """Writes faces/a.png and b.png, face.mp4 and faces.csv."""
    image = cv2.imread(str(ROOT / "examples/astronaut.jpg"))
    (folder / "faces").mkdir()
    cv2.imwrite(str(folder / "faces/a.png"), image[10:266, 90:346])
    cv2.imwrite(str(folder / "faces/b.png"), image[10:266, 346:90:-1])
    codec = cv2.VideoWriter.fourcc(*"mp4v")
    video = cv2.VideoWriter(str(folder / "face.mp4"), cv2.CAP_FFMPEG, codec, 10, (256, 256))
    for shift in range(4):
        video.write(np.ascontiguousarray(image[10:266, 90 + shift : 346 + shift]))
    video.release()
    lines = "filename,age,split\na.png,36,train\nb.png,36,val\n"
    (folder / "faces.csv").write_text(lines, encoding="utf-8")


def install(python: str, environment: pathlib.Path, wheel: pathlib.Path) -> str:
    """Makes a virtual environment with a wheel; returns its interpreter."""
    call([python, "-m", "venv", environment], wheel.parent)
    light = str(environment / "bin/python")
    call([light, "-m", "pip", "install", "-q", "--disable-pip-version-check", wheel], wheel.parent)
    call([light, "-c", HAS_TENSORFLOW], wheel.parent)
    return light


def results(
    python: str, folder: pathlib.Path, out: pathlib.Path, detector: str
) -> dict[str, list[dict[str, Any]]]:
    """Returns {what was run: its records} of an interpreter, for the files of `write_inputs`.

    Args:
      python: the interpreter.
      folder: where the files are; the commands run there, and find the package that is installed.
      out: folder for what preprocess writes.
      detector: the --face-detector of predict.
    """
    command = [python, "-m", "age_gender_estimation"]
    predict = [*command, "predict", "--format", "json", "--face-detector", detector]
    found = {
        name: json.loads(call([*predict, "--image-path", path], folder))
        for name, path in (("photo", "faces/a.png"), ("folder", "faces"), ("video", "face.mp4"))
    }
    found["API"] = json.loads(call([python, "-c", API, "faces/a.png", "faces/b.png"], folder))
    options = ["--csv", "faces.csv", "--photo-dir", "faces", "--output-dir", out, "--workers", "1"]
    call([*command, "preprocess", "csv", *options], folder)
    found["preprocess"] = [
        {
            "train.csv": (out / "train.csv").read_text(encoding="utf-8"),
            "mean grey": round(float(cv2.imread(str(path)).mean()), 1),
        }
        for path in sorted((out / "crop").rglob("*.jpg"))
    ]
    return found


def compare(name: str, expected: dict, actual: dict) -> None:
    """Raises InputError where records differ, numbers by more than the tolerances."""
    for run_name, records in expected.items():
        if len(records) != len(actual[run_name]) or not records:
            counts = f"expected {len(records)} records, got {len(actual[run_name])}"
            raise InputError(f"{name}, {run_name}: {counts}")
        for record, other in zip(records, actual[run_name]):
            for key, value in record.items():
                tolerance = YEARS if key in ("age", "mean grey") else PROBABILITY
                is_near = isinstance(value, float) and abs(other[key] - value) <= tolerance
                if not (is_near or other[key] == value):
                    found = f"expected {key} {value}, got {other[key]}"
                    raise InputError(f"{name}, {run_name}: {found}")


def megabytes(folder: pathlib.Path) -> int:
    """Returns the size of all files in a folder in MB."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files) / 1e6)


def call(command: list, folder: pathlib.Path) -> str:
    """Runs a command in a folder; returns what it prints, raises InputError if it fails."""
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise InputError(f"{' '.join(map(str, command))}: exit code {done.returncode}: {problem}")
    return done.stdout


if __name__ == "__main__":
    run(main)
