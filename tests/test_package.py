"""What pip installs: the wheel, and the locks."""

import pathlib
import re
import subprocess
import sys
import zipfile

import pytest
import tomllib
from packaging.requirements import Requirement

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
LOCKS = {
    "requirements.txt": ("train", "s3"),
    "requirements-web.txt": ("train", "s3", "web"),
    "requirements-dask.txt": ("train", "s3", "dask"),
    "requirements-dev.txt": tuple(EXTRAS),
}


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_the_model_only(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT]
    subprocess.run(command, check=True)
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
    package = {name for name in names if name.startswith("age_gender_estimation/")}
    assert all(".dist-info/" in name for name in set(names) - package)
    inside = {name.removeprefix("age_gender_estimation/") for name in package}
    model = {name for name in inside if name.startswith("pretrained/")}
    assert model == {"pretrained/MODEL_CARD.md", "pretrained/serving/1/model.onnx"}
    assert "py.typed" in inside
    code = {str(path) for path in files_in(ROOT / "age_gender_estimation") if path.suffix == ".py"}
    assert {name for name in inside if name.endswith(".py")} == code
    assert not [name for name in inside if name.endswith((".jpg", ".png", ".csv", ".mat"))]


def files_in(folder, root=None):
    """The files under a folder, relative to it or to `root`."""
    return [path.relative_to(root or folder) for path in folder.rglob("*") if path.is_file()]


def test_the_base_install_is_light():
    names = {Requirement(text).name for text in PROJECT["dependencies"]}
    assert not names & {"tensorflow", "scipy", "matplotlib", "mtcnn", "gradio"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_what_the_package_asks_for(lock):
    """It fails after a change of pyproject.toml without `make lock`."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", text, re.MULTILINE))
    assert len(pins) == sum(bool(line) and line[0] != "#" for line in text.splitlines())
    wanted = PROJECT["dependencies"] + [text for extra in LOCKS[lock] for text in EXTRAS[extra]]
    for requirement in map(Requirement, wanted):
        version = pins[requirement.name.lower()]
        assert requirement.specifier.contains(version), f"{requirement}, pinned {version}"


def test_nothing_edits_the_search_path():
    """Scripts find the package because it is installed."""
    this = pathlib.Path(__file__).name
    for folder in ("age_gender_estimation", "bin", "bench", "tools", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name != this:
                assert not re.search(r"sys\.path\.\w+\(", path.read_text(encoding="utf-8")), path
