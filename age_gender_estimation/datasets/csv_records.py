"""Text files of records: CSV or TSV in, lists of cells out. Every error names the file."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.tasks.labels import Label

EMPTY = {"", "nan", "na", "n/a", "none", "null", "nat", "<na>"}  # as pandas and R write no label
_WHOLE = re.compile(r"([0-9]{1,3})[.,]0+")  # pandas writes numbers so where other cells are empty


def read_content(path: str) -> bytes:
    """Returns the bytes of a file; raises InputError where it cannot be read."""
    try:
        return filesystem.read_bytes(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected a CSV file"
        ) from None


def read_records(path: str, content: bytes, delimiter: str = ",") -> Iterator[list[str]]:
    """Yields the cells of every line of the table, the header's too.

    Raises:
      InputError: `content`, of the file `path`, is not UTF-8, or has wrong quotes.
    """
    lines: list[str] = []  # of the current record; a quoted cell may hold line ends

    def read_lines():
        for line in io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""):
            lines.append(line)
            yield line

    # Python's reader takes `a"b` as text. TensorFlow's, which training uses, refuses a quote in a
    # cell that is not quoted.
    cell = rf'(?:[^"{delimiter}\r\n]*|"[^"]*(?:""[^"]*)*")'
    record = re.compile(rf"{cell}(?:{delimiter}{cell})*[\r\n]*")
    reader = csv.reader(read_lines(), strict=True, delimiter=delimiter)
    try:
        for cells in reader:
            text = "".join(lines)
            lines.clear()
            if '"' in text and not record.fullmatch(text):
                raise csv.Error("a quote inside a cell that is not quoted")
            yield cells
    except (csv.Error, UnicodeDecodeError) as error:
        where = f"{path}, near line {reader.line_num + 1}"
        raise InputError(f"{where}: expected UTF-8 CSV with RFC 4180 quotes ({error})") from None


def numbered_rows(records: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yields the number and the cells of the records under the header, whose number is 1.

    Blank lines are skipped; they count.
    """
    return ((number, cells) for number, cells in enumerate(records, start=2) if cells)


def check_length(header: Sequence[str], cells: Sequence[str]) -> None:
    """Raises ValueError where a row has more or fewer cells than the header."""
    if len(cells) != len(header):
        raise ValueError(f"expected {len(header)} cells, found {len(cells)}")


def parse_label(label: Label, text: str) -> int | None:
    """Returns the label in a cell: what `label.parse` takes, or a word for a class.

    Words are taken in any case, whole numbers as `25.0` too. None for an empty cell, or one of
    EMPTY.

    Raises:
      ValueError: `text` is none of these.
    """
    written = text.strip().casefold()
    if written in EMPTY:
        return None
    if written in label.words:
        return label.words[written]
    whole = _WHOLE.fullmatch(written)
    return label.parse(whole[1] if whole else text)
