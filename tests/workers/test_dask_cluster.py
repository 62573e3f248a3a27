"""A Dask scheduler and workers on this machine, some of which are killed."""

import gc
import json
import os
import re
import shutil
import subprocess
import sys
import time

import cv2
import distributed
import pytest
import skimage.data

from age_gender_estimation.datasets.synthetic import write_synthetic_imdb
from age_gender_estimation.errors import InputError
from age_gender_estimation.workers import dask_cluster
from age_gender_estimation.workers.pool import map_in_order, open_pool
from tests.conftest import ROOT


class Cluster:
    """A scheduler, and the workers that a test starts; `address` is the scheduler's."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        options = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", "s.json")
        self.scheduler = self._start(
            "scheduler", *options, package=folder
        )  # which needs no code of ours
        file = folder / "s.json"
        wait_until(lambda: file.exists() and file.read_text().rstrip().endswith("}"))
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, package=ROOT, environment=None):
        """Starts one worker with the code in `package` and variables beside this process's own."""
        options = ("--no-nanny", "--nthreads", "1", "--death-timeout", "600")
        return self._start(
            "worker", self.address, *options, package=package, environment=environment
        )

    def end(self, processes=None):
        for process in self.processes if processes is None else processes:
            process.kill()
            process.wait()

    def _start(self, kind, *arguments, package, environment=None):
        command = [
            sys.executable,
            "-m",
            f"distributed.cli.dask_{kind}",
            *arguments,
            "--no-dashboard",
        ]
        environment = {
            **os.environ,
            **(environment or {}),
            "PYTHONPATH": str(package),
            "PYTHONSAFEPATH": "1",
        }
        self.processes.append(
            subprocess.Popen(command, cwd=self.folder, env=environment, stderr=subprocess.DEVNULL)
        )
        return self.processes[-1]


def wait_until(is_so, seconds=300):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.end()


def run_and_kill(script_name, arguments, cluster, is_under_way):
    """Runs a script on two workers and kills one at its first results; returns the output."""
    workers = [cluster.start_worker(), cluster.start_worker()]
    command = [
        sys.executable,
        ROOT / "bin" / script_name,
        *arguments,
        "--scheduler",
        cluster.address,
    ]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: process.poll() is not None or is_under_way())
    assert process.poll() is None, process.communicate()[1]
    cluster.end(workers[:1])
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    return stdout


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_crops_and_lists_are_those_of_a_local_run_though_a_worker_was_killed(
    script, cluster, tmp_path
):
    write_synthetic_imdb(str(tmp_path / "in"), 600, seed=2, size=96)
    arguments = (
        "--db-path",
        tmp_path / "in/imdb.mat",
        "--photo-dir",
        tmp_path / "in",
        "--img-size",
        64,
        "--output-dir",
    )
    local = script("preprocess_imdb.py", *arguments, tmp_path / "local", "--workers", 1)
    crops = tmp_path / "dask/crop"
    stdout = run_and_kill(
        "preprocess_imdb.py", [*arguments, tmp_path / "dask"], cluster, crops.exists
    )
    assert contents(tmp_path / "dask") == contents(tmp_path / "local") and stdout == local.stdout
    assert len(contents(crops)) > 400


def test_answers_and_drawn_copies_are_those_of_a_local_run_though_a_worker_was_killed(
    script, trained, crops, cluster, tmp_path
):
    """Inputs: crops with known labels, a photo with a face, and a file that is no image."""
    cv2.imwrite(str(tmp_path / "astronaut.png"), skimage.data.astronaut()[:300, 60:400, ::-1])
    (tmp_path / "bad.jpg").write_bytes(b"garbage")
    inputs = [crops / "crop", tmp_path / "astronaut.png", tmp_path / "bad.jpg"]
    arguments = [
        "--image-path",
        *inputs,
        "--model-dir",
        trained[0],
        "--min-confidence",
        0.55,
        "--batch-size",
        4,
    ]
    script(
        "predict.py",
        *arguments,
        "--format",
        "csv",
        "--output",
        tmp_path / "local.csv",
        "--draw",
        tmp_path / "local",
    )
    arguments += ["--format", "csv", "--output", tmp_path / "dask.csv", "--draw", tmp_path / "dask"]
    run_and_kill("predict.py", arguments, cluster, lambda: any((tmp_path / "dask").rglob("*.jpg")))
    assert (tmp_path / "dask.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
    assert contents(tmp_path / "dask") == contents(tmp_path / "local")
    assert (
        len((tmp_path / "local.csv").read_text().splitlines())
        > 100
        < len(contents(tmp_path / "local"))
    )


@pytest.mark.slow
def test_photos_in_a_bucket_need_its_variables_in_the_workers_too(
    script, bucket_server, trained, crops, cluster
):
    bucket_server.send("PUT", "album")
    lines = ["filename,age,gender"]
    for number, path in enumerate(sorted(crops.rglob("*.jpg"))[:12]):
        lines.append(f"{number % 2}/{path.name},30,1")
        bucket_server.send("PUT", f"album/crop/{number % 2}/{path.name}", path.read_bytes())
    bucket_server.send("PUT", "album/val.csv", "\n".join(lines).encode() + b"\n")
    options = {"env": {**os.environ, **bucket_server.environment}, "check": False}
    arguments = [
        "predict.py",
        "--model-dir",
        trained[0],
        "--image-path",
        "s3://album/crop",
        "--format",
        "csv",
    ]
    arguments += ["--batch-size", 3, "--draw"]
    local = script(*arguments, "s3://album/one", "--output", "s3://album/one.csv", **options)
    assert local.returncode == 0, local.stderr

    arguments += [
        "s3://album/two",
        "--output",
        "s3://album/two.csv",
        "--scheduler",
        cluster.address,
    ]
    without_variables = cluster.start_worker()
    refused = script(*arguments, **options)
    expected = (
        "error: Dask worker on .*: s3://album/.*; every Dask worker needs the bucket's variables"
    )
    assert refused.returncode == 1 and re.match(expected, refused.stderr.splitlines()[-1]), (
        refused.stderr
    )
    cluster.end([without_variables])
    for _ in range(2):
        cluster.start_worker(environment=bucket_server.environment)
    done = script(*arguments, **options)
    assert done.returncode == 0, done.stderr

    one, two = (bucket_server.send("GET", f"album/{name}.csv") for name in ("one", "two"))
    assert one == two and len(one.splitlines()) == 13
    keys = [key.removeprefix("one/") for key in bucket_server.keys("album", "one/")]
    assert len(keys) == 12 and {f"two/{key}" for key in keys} == set(
        bucket_server.keys("album", "two/")
    )
    for key in keys:
        assert bucket_server.send("GET", f"album/one/{key}") == bucket_server.send(
            "GET", f"album/two/{key}"
        )


def test_a_scheduler_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(
        InputError, match="--scheduler tcp://127.0.0.1:9: expected a Dask scheduler, .* within 1 s"
    ):
        with open_pool(scheduler="tcp://127.0.0.1:9"):
            pass
    for nonsense in ("nonsense:", "127.0.0.1", "tcp://nowhere.invalid:1"):
        with pytest.raises(InputError, match=f"--scheduler {nonsense}: expected a Dask scheduler"):
            with open_pool(scheduler=nonsense):
                pass
    # The garbage collector has nothing to close, which could deadlock.
    left = [thing.status for thing in gc.get_objects() if isinstance(thing, distributed.Client)]
    assert set(left) <= {"closed"}


def test_no_worker_and_no_worker_any_more_end_after_a_while(cluster, monkeypatch):
    monkeypatch.setattr(dask_cluster, "NO_WORKER_SECONDS", 1)
    with pytest.raises(
        InputError, match="expected workers, found none for 1 s; start some: dask worker tcp://"
    ):
        with open_pool(scheduler=cluster.address):
            pass
    monkeypatch.setattr(dask_cluster, "NO_WORKER_SECONDS", 300)
    worker = cluster.start_worker()
    with (
        pytest.raises(InputError, match="found none for 1 s"),
        open_pool(scheduler=cluster.address) as pool,
    ):
        for _ in map_in_order(pool, time.sleep, [0, 600]):
            cluster.end([worker])
            monkeypatch.setattr(dask_cluster, "NO_WORKER_SECONDS", 1)


def test_a_lost_scheduler_is_one_line(cluster):
    cluster.start_worker()
    with (
        pytest.raises(InputError, match="the scheduler was lost"),
        open_pool(scheduler=cluster.address) as pool,
    ):
        for _ in map_in_order(pool, time.sleep, [0, 600]):
            cluster.end([cluster.scheduler])


def test_workers_with_other_code_or_other_files_are_one_line(cluster, tmp_path):
    worker = cluster.start_worker()
    with pytest.raises(
        InputError,
        match="Dask worker on .*: expected to find /not/there; every Dask worker must see",
    ):
        with open_pool(scheduler=cluster.address) as pool:
            pool.require_shared(["/not/there"])
            list(map_in_order(pool, abs, [1]))
    cluster.end([worker])
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        ROOT / "age_gender_estimation", tmp_path / "age_gender_estimation", ignore=ignore
    )
    (tmp_path / "age_gender_estimation/tasks/labels.py").write_text("# another version\n")
    worker = cluster.start_worker(tmp_path)
    with pytest.raises(
        InputError,
        match="expected code of age_gender_estimation [0-9a-f]{12}, found [0-9a-f]{12}; every",
    ):
        with open_pool(scheduler=cluster.address) as pool:
            list(map_in_order(pool, abs, [1]))
    cluster.end([worker])
    hidden = tmp_path / "hidden"  # the environment holds the package
    hidden.mkdir()
    hide = "import sys; sys.modules['age_gender_estimation'] = None"
    (hidden / "sitecustomize.py").write_text(hide)
    cluster.start_worker(hidden)
    with pytest.raises(
        InputError, match=r"expected this package .* on every worker, found one without \("
    ):
        with open_pool(scheduler=cluster.address) as pool:
            list(map_in_order(pool, abs, [1]))


def test_without_dask_it_says_what_to_install(script, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['distributed'] = None\n"
    )  # as if not installed
    cv2.imwrite(str(tmp_path / "20_0_0_2017.png"), skimage.data.astronaut()[:64, :64])
    done = script(
        "preprocess_utkface.py",
        "--photo-dir",
        tmp_path,
        "--output-dir",
        f"{tmp_path}_out",
        "--scheduler",
        "tcp://127.0.0.1:9",
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "error: --scheduler needs Dask: pip install -r requirements-dask.txt\n"
