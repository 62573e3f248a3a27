"""A CSV of answers that a kill cut off: what of it can be kept."""

import csv
import itertools
from typing import NamedTuple

from age_gender_estimation.predict.output import FIELDS
from age_gender_estimation.storage.files import csv_line


class Finished(NamedTuple):
    """The beginning of a CSV that is as it would be written again.

    Attributes:
      num_bytes: its size, header included.
      num_inputs: photos and videos that it answers.
      num_answers: faces answered.
      num_errors: rows without an answer.
    """

    num_bytes: int
    num_inputs: int
    num_answers: int
    num_errors: int


NOTHING = Finished(0, 0, 0, 0)


def read_partial_csv(path, inputs):
    """Returns the Finished of what can be kept, NOTHING for none.

    The last one's rows are never kept: more of them may have been to come, and the last may be cut off. So a video begins
    anew. A file that does not answer the inputs from the first one on, in their order, is of another run, and nothing of
    it is kept.

    Args:
      path: the CSV that was being written, with the header output.FIELDS; it need not exist.
      inputs: the paths that are to be answered, each once.
    """
    kept, last, num_begun = NOTHING, None, 0
    position, num_answers, num_errors = _num_bytes(FIELDS), 0, 0
    for row in _whole_rows(path):
        if row[0] != last:
            if row[0] not in inputs[num_begun : num_begun + 1]:
                return NOTHING
            kept, last, num_begun = (
                Finished(position, num_begun, num_answers, num_errors),
                row[0],
                num_begun + 1,
            )
        position += _num_bytes(row)
        is_error = bool(row[FIELDS.index("error")])
        num_answers, num_errors = num_answers + (not is_error), num_errors + is_error
    return kept if num_begun > 1 else NOTHING


def _num_bytes(row):
    return len(csv_line(row).encode("utf-8", "surrogateescape"))


def _whole_rows(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            if tuple(next(reader, ())) == FIELDS:
                yield from itertools.takewhile(lambda row: len(row) == len(FIELDS), reader)
    except (OSError, csv.Error):  # there is none, or its last row ends within quotes
        pass
