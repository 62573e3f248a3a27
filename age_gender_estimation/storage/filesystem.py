"""Files and folders, here or in a bucket: s3://BUCKET/... through tensorflow-io, gs://BUCKET/... through TensorFlow.

Local paths are plain os calls, and TensorFlow is imported only once a bucket is named. What goes wrong in a bucket is an
OSError with file name and reason, as of local files. Buckets have no folders: what begins with `folder/` lies in it. A
file in a bucket is there whole or not at all, and replacing one is one step.
"""

import builtins
import contextlib
import io
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from age_gender_estimation.storage.bucket import bucket_of

THREADS = 16  # that read at once: asking a bucket is mostly waiting


def is_remote(path):
    """Returns whether a path is in a bucket."""
    return str(path).startswith(("s3://", "gs://"))


def is_s3_used():
    """Returns whether this process has asked S3 for anything; from then on the interpreter aborts when it ends."""
    return "tensorflow_io" in sys.modules


def open(path, encoding=None, newline=None, errors=None):
    """Returns a file to read: of str with an `encoding`, else of bytes. One in a bucket is held in memory."""
    if not is_remote(path):
        return builtins.open(
            path, "r" if encoding else "rb", encoding=encoding, newline=newline, errors=errors
        )
    file = io.BytesIO(read_bytes(path))
    return io.TextIOWrapper(file, encoding, errors, newline) if encoding else file


def read_bytes(path, most=-1):
    """Returns the contents of a file, of `most` bytes where that is not -1."""
    if is_remote(path):
        with bucket_of(path) as gfile, gfile.GFile(str(path), "rb") as file:
            return file.read(most)
    with builtins.open(path, "rb") as file:
        return file.read(most)


def read_all(paths):
    """Returns the contents of files in their order; those in buckets are read several at once."""
    if not any(map(is_remote, paths)):
        return [read_bytes(path) for path in paths]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(read_bytes, paths))


def write_bytes(path, content):
    """Writes a file in a bucket; whoever reads it meanwhile finds the old one or the new one, whole. Here: data.files."""
    with bucket_of(path) as gfile, gfile.GFile(str(path), "wb") as file:
        file.write(content)


def exists(path):
    """Returns whether there is a file or folder of this name."""
    if is_remote(path):
        with bucket_of(path) as gfile:
            return gfile.exists(str(path))
    return os.path.exists(path)


def isdir(path):
    """Returns whether there is a folder of this name; in a bucket, something that begins with it and a slash."""
    if is_remote(path):
        with bucket_of(path) as gfile:
            return gfile.isdir(os.path.join(path, ""))
    return os.path.isdir(path)


def isfile(path):
    """Returns whether there is a file of this name."""
    return exists(path) and not isdir(path) if is_remote(path) else os.path.isfile(path)


def listdir(path):
    """Returns the names in a folder, in a bucket with a request for every 1,000 of them."""
    if is_remote(path):
        with bucket_of(path) as gfile:
            names = (name.rstrip("/") for name in gfile.listdir(os.path.join(path, "")))
            return [
                name for name in names if name
            ]  # a key with two slashes lists as a folder without a name
    return os.listdir(path)


def find_files(pattern, endings):
    """Returns what a name in a bucket stands for: a file, the files with some endings in a folder and its subfolders, or
    what a glob matches (which asks about every name)."""
    if isdir(pattern):
        found = []
        for name in listdir(pattern):
            path = os.path.join(pattern, name)
            # A request for each name would take hours for many: what has such an ending is taken for a file.
            found += (
                [path]
                if name.lower().endswith(endings)
                else find_files(path, endings)
                if isdir(path)
                else []
            )
        return found
    with bucket_of(pattern) as gfile:
        return [pattern] if gfile.exists(pattern) else gfile.glob(pattern)


def makedirs(path):
    """Makes a folder and those above it, unless it is there. In a bucket there is nothing to make."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)


def copy(source, target):
    """Copies a file and replaces the target; from or to a bucket too."""
    if is_remote(source) or is_remote(target):
        with bucket_of(source if is_remote(source) else target) as gfile:
            gfile.copy(str(source), str(target), overwrite=True)
    else:
        shutil.copyfile(source, target)


def remove(path):
    """Removes a file."""
    if is_remote(path):
        with bucket_of(path) as gfile:
            gfile.remove(str(path))
    else:
        os.remove(path)


def size_of(folder):
    """Returns the bytes of all files in a folder and its subfolders."""
    if is_remote(folder):
        with bucket_of(folder) as gfile:
            return sum(
                gfile.stat(os.path.join(parent, name)).length
                for parent, _, names in gfile.walk(folder)
                for name in names
            )
    return sum(
        os.path.getsize(os.path.join(parent, name))
        for parent, _, names in os.walk(folder)
        for name in names
    )


@contextlib.contextmanager
def local_copy(path):
    """Gives a local path of a file, for libraries that know no buckets: its own, or that of a copy for the time within."""
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        local = os.path.join(folder, os.path.basename(path))
        copy(path, local)
        yield local
