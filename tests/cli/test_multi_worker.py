"""Two real workers on loopback: told to stop, killed, started again, done."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
import tensorflow as tf

from tests.conftest import ROOT


class Workers:
    """Two train.py processes, stopped at the end whatever happened."""

    def __init__(self, arguments):
        self.arguments, self.processes = arguments, []

    def start(self, *more):
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
        for each in sockets:
            each.close()
        self.processes = []
        for index in range(2):
            config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
            command = [
                sys.executable,
                ROOT / "bin/train.py",
                *self.arguments,
                "--distribute",
                "multi_worker",
                *more,
            ]
            self.processes.append(
                subprocess.Popen(
                    list(map(str, command)),
                    env={**os.environ, "TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )

    def wait_for(self, index, text):
        lines = []
        for line in self.processes[index].stderr:
            lines.append(line)
            if text in line:
                return
        raise AssertionError(f"{text!r} never came: {''.join(lines)}")

    def ends(self):
        """Returns [(exit code, what it printed, what it said)]."""
        outputs = [process.communicate(timeout=600) for process in self.processes]
        return [(process.returncode, *texts) for process, texts in zip(self.processes, outputs)]


def step_of(folder):
    return int(tf.train.latest_checkpoint(folder).rpartition("-")[2])


@pytest.fixture
def workers(train_arguments, tmp_path):
    started = Workers(
        [*train_arguments, "--head-units", 8, "--ema", 0.9, "--log-steps", 2]
        + ["--model-dir", tmp_path / "model"]
    )
    yield started
    for process in started.processes:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_two_workers_stop_together_survive_a_kill_and_export_once(workers, tmp_path):
    model = tmp_path / "model"
    workers.start("--num-steps", 100_000)
    workers.wait_for(1, "step 4 of")
    workers.processes[1].terminate()
    ends = workers.ends()
    assert [code for code, _, _ in ends] == [143, 143], ends
    saved = step_of(model)
    assert saved >= 4

    workers.start("--num-steps", 100_000)
    workers.wait_for(1, f"resuming from step {saved} in")
    workers.wait_for(1, "step ")
    os.kill(workers.processes[1].pid, signal.SIGKILL)
    (code, _, errors), _ = workers.ends()
    assert code == 1 and errors.splitlines()[-1].endswith("to continue from the last checkpoint"), (
        errors
    )
    assert errors.count("error: ") == 1 and "Traceback" not in errors

    saved = step_of(model)
    workers.start("--num-steps", saved + 7, "--eval-steps", 4)
    ends = workers.ends()
    assert [code for code, _, _ in ends] == [0, 0], ends
    losses = [
        re.findall(r"^(step \d+) of .*(loss .*)$", errors, re.MULTILINE) for _, _, errors in ends
    ]
    assert losses[0] == losses[1] and len(losses[0]) >= 3
    assert "exported: " in ends[0][1] and ends[1][1] == ""
    assert len(list((model / "serving").iterdir())) == 1 and not list(model.glob("tmp_*"))
    history = json.loads((model / "eval.json").read_text())
    assert [entry["step"] for entry in history["evaluations"]][-2:] == [saved + 4, saved + 7]
    assert step_of(model / "best") == history["best_step"]


@pytest.mark.parametrize("kind", ["none", "multi_worker"])
def test_a_broken_tf_config_is_one_line(train_arguments, tmp_path, script, monkeypatch, kind):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": ')
    arguments = [*train_arguments, "--model-dir", tmp_path / "model", "--distribute", kind]
    done = script("train.py", *arguments, check=False)
    assert done.returncode == 2 and done.stderr.startswith("error: TF_CONFIG: not valid JSON")
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "model").exists()
