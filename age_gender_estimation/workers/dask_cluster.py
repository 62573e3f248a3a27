"""The workers of a Dask cluster as an executor. In: a scheduler's address. Out: what executors.map_in_order needs.

A worker that dies takes nothing with it: Dask has its chunks done by another, so a chunk must come out the same however
often it is done. Every worker must have this package and see the same files under the same paths; both are checked with
every chunk, because workers may join at any time.
"""

import asyncio
import concurrent.futures
import contextlib
import functools
import hashlib
import importlib.metadata
import logging
import os
import pathlib
import pickle
import socket
import sys
import threading
import time

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import format_os_error
from age_gender_estimation.workers.pool import POLL_SECONDS, set_up_process

CONNECT_SECONDS = 15
NO_WORKER_SECONDS = (
    60  # how long to wait for the first worker, and for another one where all are lost
)
LIBRARIES = (
    "numpy",
    "opencv-python-headless",
    "tensorflow",
    "mtcnn",
)  # what decides the bits of a result
ONE_AT_A_TIME = (
    threading.Lock()
)  # a worker may have threads, TensorFlow and what we cache in a process are not made for it
SEEN_IN_BUCKETS = set()


@contextlib.contextmanager
def open_dask_executor(address, environment):
    """Gives an executor whose `submit` has a chunk done by some worker of a cluster.

    Args:
      address: of the scheduler, `tcp://host:8786`.
      environment: variables for the workers, {name: value}.

    Raises:
      InputError: `distributed` is not installed; no scheduler; no worker, from the beginning or any more; a worker with
        other code or without the shared files; a chunk that killed its workers.
    """
    try:
        import distributed
    except ImportError:
        raise InputError("--scheduler needs Dask: pip install -r requirements-dask.txt") from None
    logging.getLogger("distributed").setLevel(
        logging.CRITICAL
    )  # what goes wrong is said once, below
    try:
        client = _connect(distributed, address)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(
            f"--scheduler {address}: expected a Dask scheduler, as tcp://host:8786, found none within "
            f"{CONNECT_SECONDS} s ({reason})"
        ) from None
    try:
        yield _DaskExecutor(client, environment)
    except distributed.KilledWorker:
        raise InputError(
            f"--scheduler {address}: a chunk of work lost every worker that tried it, out of memory perhaps; "
            "start again, with more memory per worker"
        ) from None
    except ImportError as error:
        raise InputError(
            f"--scheduler {address}: expected this package and its requirements on every worker, found one "
            f"without ({error}); is PYTHONPATH set?"
        ) from None
    except (concurrent.futures.CancelledError, asyncio.CancelledError):
        raise InputError(
            f"--scheduler {address}: the scheduler was lost; start again when it is back"
        ) from None
    finally:
        client.close(timeout=2)


def _connect(distributed, address):
    class Client(distributed.Client):
        """Closes itself where it finds no scheduler. The garbage collector would do that, in a thread that is just starting
        perhaps, where it waits for the lock of whoever starts it, for ever."""

        def __init__(self, *args, **options):
            try:
                super().__init__(*args, **options)
            except (OSError, ValueError):
                with contextlib.suppress(OSError, RuntimeError, AttributeError):
                    self.close(timeout=2)
                raise

    return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)


class _DaskExecutor(concurrent.futures.Executor):
    def __init__(self, client, environment):
        self._client, self._executor = client, client.get_executor(pure=False)
        self._environment, self._shared = environment, ()
        self._last_check, self._last_worker = -POLL_SECONDS, time.monotonic()
        self.num_workers = 0
        self.check()
        if not self.num_workers:
            logging.info("waiting for a Dask worker, at most %d s", NO_WORKER_SECONDS)
        while not self.num_workers:
            time.sleep(0.2)
            self.check()

    def share(self, paths):
        """From now on every worker must see these files and folders, under the same paths."""
        self._shared = tuple(paths)

    def cancel(self, futures):
        for future in futures:
            future.cancel()

    def submit(self, function, *args):
        # Being no function of a module, it travels as code: a worker without our package raises an error and lives on, and
        # the scheduler, which reads tasks too, needs no package.
        def import_and_run(demands, payload):
            from age_gender_estimation.workers.dask_cluster import run_task

            return run_task(demands, payload)

        demands = self._environment, versions(), self._shared
        return self._executor.submit(import_and_run, demands, pickle.dumps((function, args)))

    def check(self):
        """Counts the workers, at most once in POLL_SECONDS; raises InputError where there was none for a while."""
        now = time.monotonic()
        if now - self._last_check < POLL_SECONDS:
            return
        self._last_check = now
        address = self._client.scheduler.address if self._client.scheduler else "?"
        try:
            self.num_workers = len(self._client.nthreads())
        except (OSError, RuntimeError, AttributeError, concurrent.futures.CancelledError):
            raise InputError(
                f"--scheduler {address}: the scheduler was lost; start again when it is back"
            ) from None
        if self.num_workers:
            self._last_worker = now
        elif now - self._last_worker > NO_WORKER_SECONDS:
            raise InputError(
                f"--scheduler {address}: expected workers, found none for {NO_WORKER_SECONDS} s; start some: "
                f"dask worker {address} --nworkers auto --nthreads 1"
            )


def run_task(demands, payload):
    """Does a chunk of work, in a worker: `payload` is the pickled function and its arguments, read when what they import
    may be imported."""
    environment, expected, shared = demands
    with ONE_AT_A_TIME:
        found = versions()
        different = [name for name in expected if found.get(name) != expected[name]]
        if different:
            name = different[0]
            raise InputError(
                f"{_place()}: expected {name} {expected[name]}, found {found.get(name)}; every Dask worker "
                "needs the code and the packages of the process that hands out the work"
            )
        _take_settings(environment)
        for path in shared:
            _check_is_seen(path)
        function, args = pickle.loads(payload)
        return function(*args)


@functools.cache
def versions():
    """Returns {name: version} of what must be the same everywhere; our own code's is a hash of its files."""
    root, code = pathlib.Path(__file__).resolve().parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        code.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    found = {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "code of age_gender_estimation": code.hexdigest()[:12],
    }
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found


def _check_is_seen(path):
    if not filesystem.is_remote(path):
        if not os.access(path, os.R_OK):
            raise InputError(
                f"{_place()}: expected to find {path}; every Dask worker must see the same files and folders "
                "under the same paths, and may read them"
            )
    elif path not in SEEN_IN_BUCKETS:  # asked for once: each question is a request
        try:
            is_there = filesystem.exists(path)
        except OSError as error:
            raise InputError(
                f"{_place()}: {format_os_error(error)}; every Dask worker needs the bucket's variables in its own "
                "environment"
            ) from None
        if not is_there:
            raise InputError(
                f"{_place()}: expected to find {path}; do the worker's variables name another bucket?"
            )
        SEEN_IN_BUCKETS.add(path)


def _take_settings(environment):
    """TensorFlow and OpenCV read their settings once: what an earlier command chose for this worker cannot be changed."""
    wrong = [name for name, value in environment.items() if os.environ.get(name) != value]
    fixed = [
        name
        for name in wrong
        if ("cv2" if name.startswith("OPENCV_") else "tensorflow") in sys.modules
    ]
    if fixed:
        name = fixed[0]
        raise InputError(
            f"{_place()}: expected {name}={environment[name]}, found {os.environ.get(name)} from an earlier "
            "command; restart the Dask workers, or give the variable this value for this command"
        )
    if wrong:
        set_up_process(environment)


def _place():
    return f"Dask worker on {socket.gethostname()}, process {os.getpid()}"
