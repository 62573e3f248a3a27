"""What a worker of a Dask cluster does: checks, then a chunk of work.

Each chunk comes with the demands that make all workers compute the same: environment variables,
versions of code and libraries, and files that the worker must see.
"""

import functools
import hashlib
import importlib.metadata
import os
import pathlib
import pickle
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import format_os_error
from age_gender_estimation.workers.process import set_up_process

# The libraries that decide the bits of a result.
LIBRARIES = ("numpy", "opencv-python-headless", "tensorflow", "mtcnn")
# A Dask worker may have several threads; TensorFlow and our caches are not made for that.
ONE_AT_A_TIME = threading.Lock()

Demands = tuple[dict[str, str], dict[str, str], tuple[str, ...]]


def run_task(
    demands: tuple[dict[str, str], dict[str, str], tuple[str, ...]], payload: bytes
) -> Any:
    """Does a chunk of work in a worker.

    Args:
      demands: the worker's environment variables, `versions()` and shared files must be these.
      payload: the pickled function and its arguments, unpickled after the environment is set.
    """
    environment, expected, shared = demands
    with ONE_AT_A_TIME:
        _check_versions(expected)
        _set_environment(environment)
        for path in shared:
            _check_shared(path)
        function, args = pickle.loads(payload)
        return function(*args)


@functools.cache
def versions() -> dict[str, str]:
    """Returns {name: version} of what must be equal everywhere; of our code a hash of its files."""
    package, code = pathlib.Path(__file__).resolve().parent.parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
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


def _check_versions(expected: Mapping[str, str]) -> None:
    found = versions()
    for name, version in expected.items():
        if found.get(name) != version:
            raise InputError(
                f"{_place()}: expected {name} {version}, found {found.get(name)}; every Dask "
                "worker needs the code and the packages of the process that submits the work"
            )


def _set_environment(environment: Mapping[str, str]) -> None:
    wrong = [name for name, value in environment.items() if os.environ.get(name) != value]
    for name in wrong:
        # TensorFlow and OpenCV read their variables only once.
        if ("cv2" if name.startswith("OPENCV_") else "tensorflow") in sys.modules:
            raise InputError(
                f"{_place()}: expected {name}={environment[name]}, found {os.environ.get(name)} "
                "from an earlier command; restart the Dask workers, or give the variable this value"
            )
    if wrong:
        set_up_process(environment)


def _check_shared(path: str) -> None:
    if filesystem.is_remote(path):
        _check_bucket(path)
    elif not os.access(path, os.R_OK):
        raise InputError(
            f"{_place()}: expected to find {path}; every Dask worker must see the same files and "
            "folders under the same paths, and may read them"
        )


@functools.cache  # once per path, because each question is a request
def _check_bucket(path: str) -> None:
    try:
        is_there = filesystem.exists(path)
    except OSError as error:
        raise InputError(
            f"{_place()}: {format_os_error(error)}; every Dask worker needs the bucket's variables "
            "in its own environment"
        ) from None
    if not is_there:
        raise InputError(
            f"{_place()}: expected to find {path}; do the worker's variables name another bucket?"
        )


def _place() -> str:
    return f"Dask worker on {socket.gethostname()}, process {os.getpid()}"
