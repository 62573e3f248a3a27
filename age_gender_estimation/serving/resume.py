"""A CSV of answers that a kill cut off: what of it can be kept."""
import csv
import itertools

from age_gender_estimation.data.files import csv_line
from age_gender_estimation.serving.output import FIELDS


def find_finished(path, inputs):
    """Returns (number of bytes to keep, header included; number of photos and videos that they answer); 0, 0 for none.

    The last one's rows are never kept: more of them may have been to come, and the last may be cut off. So a video begins
    anew. A file that does not answer the inputs from the first one on, in their order, is of another run, and nothing of
    it is kept.

    Args:
      path: the CSV that was being written, with the header output.FIELDS; it need not exist.
      inputs: the paths that are to be answered, each once.
    """
    kept, position, num_begun, last = 0, _num_bytes(FIELDS), 0, None
    for row in _whole_rows(path):
        if row[0] != last:
            if row[0] not in inputs[num_begun:num_begun + 1]:
                return 0, 0
            kept, last, num_begun = position, row[0], num_begun + 1
        position += _num_bytes(row)
    return (kept, num_begun - 1) if num_begun > 1 else (0, 0)


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
