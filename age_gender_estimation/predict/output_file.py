"""The file that predictions are written to: whole under its name, and resumed after a kill."""

import contextlib
import csv
import os
import zlib
from collections.abc import Iterator
from typing import NamedTuple, TextIO

from age_gender_estimation.predict.output import FIELDS
from age_gender_estimation.storage.error_text import add_filename


class Finished(NamedTuple):
    """The beginning of a CSV that a new run would write the same way.

    Attributes:
      num_bytes: its size with the header.
      num_inputs: photos and videos whose rows are all there.
      num_faces: rows with a face.
      num_errors: rows with an error.
    """

    num_bytes: int = 0
    num_inputs: int = 0
    num_faces: int = 0
    num_errors: int = 0


@contextlib.contextmanager
def open_output(path: str, settings: str, inputs: list[str]) -> Iterator[tuple[TextIO, Finished]]:
    """Gives a file that gets the name `path` at the end, and what it already holds.

    Args:
      path: the file; until the end it is called `PATH.HASH.tmp`.
      settings: what decides the predictions; only a run with the same settings is resumed.
      inputs: paths of the photos and videos whose rows a CSV gets; [] for other formats, which are
        not resumed.

    Raises:
      OSError: it cannot be written.
    """
    unfinished = f"{path}.{zlib.crc32(settings.encode()):08x}.tmp"
    done = read_partial_csv(unfinished, inputs)
    if done.num_inputs:
        os.truncate(unfinished, done.num_bytes)
    with add_filename(path), _open(unfinished, "a" if done.num_inputs else "w", path) as file:
        yield file, done
    os.replace(unfinished, path)


def _open(unfinished, mode, path):
    try:
        return open(unfinished, mode, encoding="utf-8", errors="surrogateescape")
    except OSError as error:  # the user knows the file by its final name
        raise OSError(error.errno, error.strerror, path) from None


def read_partial_csv(path: str, inputs: list[str]) -> Finished:
    """Returns what can be kept of a CSV that was being written.

    The rows of the last photo or video are dropped, because more of them may have been to come, so
    a video starts again. Nothing is kept of a file whose rows are not those of the inputs in their
    order.

    Args:
      path: the CSV; it need not exist.
      inputs: paths of the photos and videos, each once.
    """
    kept, last = Finished(), None
    num_begun = num_faces = num_errors = 0
    try:
        with open(path, "rb") as file:
            lines = (line.decode("utf-8", "surrogateescape") for line in file)
            rows = csv.reader(lines, strict=True)
            if tuple(next(rows, ())) != FIELDS:
                return Finished()
            end = file.tell()
            for row in rows:
                if len(row) != len(FIELDS):  # cut off
                    break
                if row[0] != last:
                    if row[0] not in inputs[num_begun : num_begun + 1]:
                        return Finished()
                    kept = Finished(end, num_begun, num_faces, num_errors)
                    last, num_begun = row[0], num_begun + 1
                end = file.tell()
                is_error = bool(row[FIELDS.index("error")])
                num_faces, num_errors = num_faces + (not is_error), num_errors + is_error
    except (OSError, csv.Error):  # there is none, or it ends within quotes
        pass
    return kept if kept.num_inputs else Finished()
