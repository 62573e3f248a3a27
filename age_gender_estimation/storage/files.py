"""Files that are there whole or not at all, locks, CSV lines that every reader reads back, small JSON."""

import contextlib
import csv
import errno
import fcntl
import io
import json
import os

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import add_filename

MAX_JSON = (
    2**26
)  # characters; the largest of ours, the evaluations of a long training, has some 10,000


def write_file(path, content):
    """Writes `content` to `path`, here through a temporary name beside it, replacing what was there in one step.

    Args:
      path: the file, here or in a bucket.
      content: str or bytes, or a function that writes to the open binary file which it is given.

    Raises:
      OSError: it cannot be written; what was there is as it was.
    """
    write_files({path: content})


def write_files(contents):
    """Writes {path: content}, as `write_file` does, all or none: the first one is replaced when the last one is on disk.
    In a bucket one after the other."""
    temporary = {path: f"{path}.tmp" for path in contents if not filesystem.is_remote(path)}
    try:
        for path, content in contents.items():
            if path in temporary:
                with add_filename(path), open(temporary[path], "wb") as file:
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
        os.replace(name, path)


def _write(content, file):
    if callable(content):
        content(file)
    else:
        # A path that is no UTF-8 keeps its bytes.
        file.write(
            content.encode(errors="surrogateescape") if isinstance(content, str) else content
        )


@contextlib.contextmanager
def locked(path, refusal):
    """Holds a lock on the file `path`, made with its folder where there is none, and gives the file; a process that inherits
    it holds the lock too, and one that is killed lets it go. Buckets and file systems without locks keep nobody out.

    Raises:
      InputError: with the message `refusal`; somebody else holds it.
    """
    if filesystem.is_remote(path):
        yield None
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(refusal) from None
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP):
                raise
        yield file


def csv_line(cells):
    """Returns one line of RFC 4180 CSV, ended by a line feed."""
    line = io.StringIO()
    # The writer quotes the characters of its own line end only: with CRLF that is a carriage return in a name too.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def read_json(path):
    """Returns the contents of a JSON file.

    Raises:
      OSError: it is not there or may not be read.
      ValueError: no JSON, nested too deeply, or too long for any that this project writes.
    """
    with filesystem.open(path, encoding="utf-8") as file:
        text = file.read(MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise ValueError(f"expected JSON of at most {MAX_JSON} characters")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
