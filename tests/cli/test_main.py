"""`age-gender` before a command does its work, and the scripts in bin/ that call it."""

import importlib
import json
import os
import re
import subprocess
import sys

import pytest

from age_gender_estimation.cli.main import COMMANDS
from tests.conftest import COMMANDS as SCRIPTS
from tests.conftest import ROOT, run_command


def run_python(*arguments, cwd=ROOT, **environment):
    """Runs this interpreter in the checkout, with the checkout as PYTHONPATH."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)


def test_help_lists_the_commands_and_each_has_a_module():
    done = run_command(["--help"])
    assert done.returncode == 0 and done.stderr == ""
    for name in COMMANDS:
        assert f"\n  {name} " in done.stdout
        assert callable(importlib.import_module(f"age_gender_estimation.cli.{name}").main)


@pytest.mark.parametrize(
    "argv, problem",
    [([], "expected a command; choose from: predict, "), (["trian"], "unknown command 'trian'; ")],
)
def test_no_command_and_an_unknown_one_are_one_line_and_exit_code_2(argv, problem):
    done = run_command(argv)
    assert done.returncode == 2 and done.stderr.startswith(f"error: {problem}")
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_help_and_version_load_no_library():
    code = """
import sys
from age_gender_estimation.cli.main import execute
assert execute(["--help"]) == execute(["--version"]) == 0
print(sorted({"numpy", "cv2", "tqdm", "tensorflow"} & set(sys.modules)))
"""
    done = run_python("-c", code)
    assert done.stdout.endswith("[]\n"), done.stderr


def test_a_command_without_its_extra_says_what_to_type_and_shows_its_help():
    code = """
import json, sys
for name in ("tensorflow", "mtcnn", "scipy", "matplotlib", "yaml", "gradio", "distributed"):
    sys.modules[name] = None  # as if it was not installed
from tests.conftest import run_command
runs = (["train"], ["export", "--model-dir", "x"], ["study"], ["serve"], ["train", "--help"])
done = map(run_command, runs)
print(json.dumps([(each.returncode, each.stdout[:30], each.stderr) for each in done]))
"""
    *failures, helped = json.loads(run_python("-c", code).stdout)
    install = "error: age-gender {} needs {}, which is not installed; type: pip install "
    expected = [("train", "tensorflow", "train"), ("export", "tensorflow", "train")]
    expected += [("study", "tensorflow", "train"), ("serve", "gradio", "web")]
    for (code, out, errors), (command, library, extra) in zip(failures, expected, strict=True):
        assert (code, out, errors.count("\n")) == (1, "", 1)
        text = install.format(command, library) + f"'age-gender-estimation[{extra}]'"
        assert errors.startswith(text), errors
        assert ("with Python 3.11" in errors) == (extra == "train")
    assert helped[0] == 0 and helped[1].startswith("usage: age-gender train ")


def test_each_script_is_its_command(monkeypatch):
    """One process runs the files of all scripts."""
    names = [path.name for path in (ROOT / "bin").glob("*.py") if os.access(path, os.X_OK)]
    assert sorted(names) == sorted(SCRIPTS)
    code = f"""
import contextlib, io, json, runpy, sys
shown = {{}}
for name in {names}:
    sys.argv = [name, "--help"]
    text = io.TextIOWrapper(io.BytesIO(), "utf-8")
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        runpy.run_path(name, run_name="__main__")
    text.flush()
    shown[name] = text.buffer.getvalue().decode()
print(json.dumps(shown))
"""
    done = run_python("-c", code, cwd=ROOT / "bin")  # where the scripts find launch.py
    monkeypatch.setenv("COLUMNS", "80")
    expected = {name: run_command([*command, "--help"]).stdout for name, command in SCRIPTS.items()}
    assert json.loads(done.stdout) == expected
    assert all(text.startswith("usage: age-gender ") for text in expected.values())


@pytest.mark.parametrize(
    "path, missing", [("", "age_gender_estimation"), (str(ROOT), "[a-z]+")], ids=["all", "numpy"]
)
def test_a_script_without_its_packages_says_how_to_set_up(path, missing):
    """-S hides the packages of the environment, as for an interpreter that has none."""
    done = run_python("-S", "bin/predict.py", "--image-path", "a b.jpg", PYTHONPATH=path)
    advice = "run make setup, then .venv/bin/python bin/predict.py --image-path 'a b.jpg'"
    assert done.returncode == 1 and done.stdout == ""
    pattern = rf"error: No module named '{missing}'; {advice}\n"
    assert re.fullmatch(pattern, done.stderr), done.stderr
