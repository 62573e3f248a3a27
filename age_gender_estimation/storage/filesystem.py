"""File operations that work on local paths and in buckets: s3://BUCKET/... and gs://BUCKET/...

Local paths use the standard library. Buckets use TensorFlow (tensorflow-io for S3), which is
imported when the first bucket is named. A failure in a bucket is an OSError with file name and
reason, as for a local file. A bucket has no folders: a path that begins with `folder/` counts as
lying in it. Writing a file to a bucket replaces it in one step.
"""

import builtins
import contextlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from age_gender_estimation.storage.bucket import open_bucket

Path = str | os.PathLike

THREADS = 16  # that read from a bucket at once: most of the time is waiting


def is_remote(path: Path) -> bool:
    """Returns whether a path is in a bucket."""
    return str(path).startswith(("s3://", "gs://"))


def is_s3_used() -> bool:
    """Returns whether this process has used S3; the interpreter then aborts at a normal exit."""
    return "tensorflow_io" in sys.modules


def open(
    path: Path, encoding: str | None = None, newline: str | None = None, errors: str | None = None
) -> IO:
    """Opens a file for reading: text with an `encoding`, else bytes.

    A file in a bucket is read into memory.
    """
    if not is_remote(path):
        mode = "r" if encoding else "rb"
        return builtins.open(path, mode, encoding=encoding, newline=newline, errors=errors)
    file = io.BytesIO(read_bytes(path))
    return io.TextIOWrapper(file, encoding, errors, newline) if encoding else file


def read_bytes(path: Path) -> bytes:
    """Returns the contents of a file."""
    if is_remote(path):
        with open_bucket(path) as gfile, gfile.GFile(str(path), "rb") as file:
            return file.read()
    with builtins.open(path, "rb") as file:
        return file.read()


def read_all(paths: Sequence[Path]) -> list[bytes]:
    """Returns the contents of files in their order; those in buckets are read several at once."""
    if not any(map(is_remote, paths)):
        return [read_bytes(path) for path in paths]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(read_bytes, paths))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file in a bucket in one step. For local files see `storage.files.write_file`."""
    with open_bucket(path) as gfile, gfile.GFile(str(path), "wb") as file:
        file.write(content)


def exists(path: Path) -> bool:
    """Returns whether a file or folder has this name."""
    if is_remote(path):
        with open_bucket(path) as gfile:
            return gfile.exists(str(path))
    return os.path.exists(path)


def isdir(path: Path) -> bool:
    """Returns whether a folder has this name; in a bucket, whether a file lies in it."""
    if is_remote(path):
        with open_bucket(path) as gfile:
            return gfile.isdir(os.path.join(path, ""))
    return os.path.isdir(path)


def isfile(path: Path) -> bool:
    """Returns whether a file has this name."""
    return exists(path) and not isdir(path) if is_remote(path) else os.path.isfile(path)


def listdir(path: Path) -> list[str]:
    """Returns the names in a folder; a bucket is asked once for every 1,000 of them."""
    if is_remote(path):
        with open_bucket(path) as gfile:
            names = (name.rstrip("/") for name in gfile.listdir(os.path.join(path, "")))
            # A key with two slashes lists as a folder without a name.
            return [name for name in names if name]
    return os.listdir(path)


def find_files(pattern: str, endings: tuple[str, ...]) -> list[str]:
    """Returns the files that a name in a bucket stands for.

    Args:
      pattern: a file; a folder, which stands for its files with these endings, subfolders included;
        or a glob, which lists the whole folder.
      endings: in lower case, as `.jpg`.
    """
    if not isdir(pattern):
        with open_bucket(pattern) as gfile:
            return [pattern] if gfile.exists(pattern) else gfile.glob(pattern)
    found = []
    for name in listdir(pattern):
        path = os.path.join(pattern, name)
        # A request for each name would take hours: a name with such an ending counts as a file.
        if name.lower().endswith(endings):
            found.append(path)
        elif isdir(path):
            found += find_files(path, endings)
    return found


def makedirs(path: Path) -> None:
    """Makes a folder and those above it if they do not exist. A bucket needs none."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)


def copy(source: Path, target: Path) -> None:
    """Copies a file, also from or to a bucket, and replaces the target."""
    if is_remote(source) or is_remote(target):
        with open_bucket(source if is_remote(source) else target) as gfile:
            gfile.copy(str(source), str(target), overwrite=True)
    else:
        shutil.copyfile(source, target)


def remove(path: Path) -> None:
    """Removes a file."""
    if is_remote(path):
        with open_bucket(path) as gfile:
            gfile.remove(str(path))
    else:
        os.remove(path)


def size_of(folder: str) -> int:
    """Returns the size in bytes of all files in a folder and its subfolders."""
    if not is_remote(folder):
        walk = os.walk(folder)
        return sum(
            os.path.getsize(os.path.join(path, name)) for path, _, names in walk for name in names
        )
    with open_bucket(folder) as gfile:
        paths = (
            os.path.join(path, name) for path, _, names in gfile.walk(folder) for name in names
        )
        return sum(gfile.stat(path).length for path in paths)


@contextlib.contextmanager
def local_copy(path: Path) -> Iterator[Path]:
    """Gives the local path of a file, or of a temporary copy of a file in a bucket."""
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, os.path.basename(path))
        copy(path, local)
        yield local
