"""A CSV of answers that a kill cut off: what of it can be kept."""
import csv

from age_gender_estimation.data.files import csv_line
from age_gender_estimation.serving.output import FIELDS


def read_finished(path, photos):
    """Returns (text of the rows to keep, the header included; number of photos that they answer).

    The last photo's rows are never kept: more of them may have been to come, and the last may be cut off. A file that
    does not answer the photos from the first one on, in their order, is of another run, and nothing of it is kept.

    Args:
      path: the CSV that was being written, with the header output.FIELDS; it need not exist.
      photos: the paths that are to be answered, each once.
    """
    rows = _whole_rows(path)
    files = list(dict.fromkeys(row[0] for row in rows))
    if files != photos[:len(files)]:
        rows, files = [], []
    kept = [row for row in rows if row[0] != files[-1]]
    return "".join(map(csv_line, [FIELDS, *kept])), max(0, len(files) - 1)


def _whole_rows(path):
    rows = []
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, strict=True)
            if tuple(next(reader, ())) == FIELDS:
                for row in reader:
                    rows.append(row)
    except (OSError, csv.Error):  # there is none, or its last row ends within quotes
        pass
    return [row for row in rows if len(row) == len(FIELDS)]
