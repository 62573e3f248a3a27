"""Runs as processes: failures, stops and kills, with sleeping commands in place of trainings."""

import os
import signal
import subprocess
import sys
import time

import pytest

from age_gender_estimation.errors import InputError
from age_gender_estimation.study.execution import execute_all, find_reason, lock_folder
from tests.conftest import ROOT

# As every command: its work is inside run().
SLEEPER = """
import sys, time, pathlib
from age_gender_estimation.cli.run import run
pathlib.Path(sys.argv[1]).write_text("started")
run(lambda: time.sleep(60))
"""
STUDY = f"""
import sys
from age_gender_estimation.cli.run import run
from age_gender_estimation.study.execution import execute_all, lock_folder
def main():
    folder = sys.argv[1]
    line = [sys.executable, "-c", {SLEEPER!r}, folder + "/started"]
    with lock_folder(folder) as lock:
        execute_all({{folder + "/run": [line]}}, 1, lock)
run(main)
"""


def python(code):
    return [sys.executable, "-c", code]


def test_the_commands_of_a_run_follow_each_other_and_failures_are_recorded(tmp_path):
    commands = {
        str(tmp_path / "good"): [python("print('one')"), python("print('two')")],
        str(tmp_path / "bad"): [
            python("import sys; sys.exit('error: no disk')"),
            python("print('never')"),
        ],
    }
    with lock_folder(tmp_path) as lock:
        execute_all(commands, 2, lock)
    assert (tmp_path / "good/log.txt").read_text() == "one\ntwo\n" and not (
        tmp_path / "good/failed.txt"
    ).exists()
    assert (tmp_path / "bad/failed.txt").read_text() == "exit code 1: error: no disk\n"
    assert "never" not in (tmp_path / "bad/log.txt").read_text()
    with lock_folder(tmp_path) as lock:
        execute_all({str(tmp_path / "bad"): [python("pass")]}, 1, lock)
    assert not (tmp_path / "bad/failed.txt").exists()


@pytest.mark.parametrize(
    "log, reason",
    [
        ("step 1\nerror: the loss became NaN\n", "error: the loss became NaN"),
        ("Traceback\nValueError: x\n  Call arguments:\n    inputs\n", "ValueError: x"),
        ("Killed\n", "Killed"),
        ("", "no output"),
    ],
)
def test_the_reason_is_the_error_not_what_follows_it(tmp_path, log, reason):
    (tmp_path / "log.txt").write_text(log)
    assert find_reason(tmp_path / "log.txt") == reason


@pytest.fixture
def study(tmp_path):
    """A process that executes a sleeping run, which has started."""
    process = subprocess.Popen(
        python(STUDY) + [str(tmp_path)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        # Ctrl-C works, even where these tests were started with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for((tmp_path / "started").exists)
    yield process
    process.kill()
    process.wait()


def wait_for(is_done, seconds=20):
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_free(folder):
    try:
        with lock_folder(folder):
            return True
    except InputError:
        return False


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_told_to_stop_it_stops_its_runs_and_they_did_not_fail(study, tmp_path, number, code):
    assert not is_free(tmp_path)
    study.send_signal(number)
    assert study.wait(timeout=20) == code
    assert is_free(tmp_path) and not (tmp_path / "run/failed.txt").exists()


def test_killed_its_runs_end_and_until_then_the_folder_is_taken(study, tmp_path):
    os.kill(study.pid, signal.SIGKILL)
    study.wait()
    wait_for(lambda: is_free(tmp_path))
