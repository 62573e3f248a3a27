"""Whole files: written completely or not at all. Also locks, CSV lines and small JSON files."""

import contextlib
import csv
import errno
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import add_filename

Path = str | os.PathLike
Content = str | bytes | Callable[[BinaryIO], object]

MAX_JSON = 2**26  # characters; our largest file, eval.json of a long training, has about 10,000


def write_file(path: Path, content: Content) -> None:
    """Writes a file under a temporary name beside it, then replaces the old file in one step.

    Args:
      path: the file, here or in a bucket.
      content: the text or bytes, or a function that writes to an open binary file.

    Raises:
      OSError: the file cannot be written; the old one is unchanged.
    """
    write_files({path: content})


def write_files(contents: Mapping[Path, Content]) -> None:
    """Writes {path: content} like `write_file`, all or none.

    The first file is replaced when the last one is on disk. In a bucket one is written after the
    other.
    """
    temporary = {path: f"{path}.tmp" for path in contents if not filesystem.is_remote(path)}
    try:
        for path, content in contents.items():
            if path in temporary:
                name = temporary[path]
                with add_filename(path, name), open(name, "wb") as file:
                    _write(content, file)
            else:
                buffer = io.BytesIO()
                _write(content, buffer)
                filesystem.write_bytes(path, buffer.getvalue())
    except BaseException:
        for name in temporary.values():  # half a file takes room on a full disk
            with contextlib.suppress(OSError):
                os.remove(name)
        raise
    for path, name in temporary.items():
        with add_filename(path, name):
            os.replace(name, path)


def _write(content: Content, file: BinaryIO) -> None:
    if callable(content):
        content(file)
    elif isinstance(content, str):
        file.write(content.encode(errors="surrogateescape"))  # a path that is not UTF-8 in it
    else:
        file.write(content)


@contextlib.contextmanager
def locked(path: str, refusal: str) -> Iterator[BinaryIO | None]:
    """Holds a lock on a file, which is made with its folder if necessary.

    A process that inherits the file holds the lock too; a process that ends releases it. There are
    no locks in buckets and on some file systems: `locked` then keeps nobody out.

    Yields:
      The open file, or None in a bucket.

    Raises:
      InputError: another process holds the lock; `refusal` is the message.
    """
    if filesystem.is_remote(path):
        yield None
        return
    import fcntl  # Unix only: using a model needs no locks

    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(refusal) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
        yield file


def csv_line(cells: Iterable[object]) -> str:
    """Returns one line of RFC 4180 CSV, ended by a line feed."""
    line = io.StringIO()
    # The writer quotes the characters of its own line end: with CRLF a carriage return in a name
    # too.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def read_json(path: Path) -> Any:
    """Returns the contents of a JSON file.

    Raises:
      OSError: the file does not exist or may not be read.
      ValueError: the file is not JSON, nested too deeply, or longer than MAX_JSON.
    """
    with filesystem.open(path, encoding="utf-8") as file:
        text = file.read(MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise ValueError(f"expected JSON of at most {MAX_JSON} characters")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
