"""CSV files with file names and labels: manifests, and lists as people have them.

In: UTF-8 text with a header line and RFC 4180 quotes. Out: checked columns in memory. Every error
names the file, the row and the column.
"""

import functools
import hashlib
import logging
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from age_gender_estimation.datasets.csv_columns import (
    AmbiguousColumns,
    find_delimiter,
    name_columns,
)
from age_gender_estimation.datasets.csv_records import (
    EMPTY,
    check_length,
    numbered_rows,
    parse_label,
    read_content,
    read_records,
)
from age_gender_estimation.errors import InputError
from age_gender_estimation.tasks.labels import LABELS, Label

logger = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")
UNLABELLED = -1
SHOWN = 10  # bad rows in a message


@dataclass(frozen=True, eq=False)
class LabelledCsv:
    """The columns of a CSV file, n rows.

    Attributes:
      path: the file.
      delimiter: between its cells.
      header: our names of its columns in order, "" for one that is not used.
      filenames: n file names.
      labels: {task: int16 [n]} of the label columns in the header; UNLABELLED where the cell is
        empty.
      people: n names of the person shown, "" where not known; None without a column `person`.
      splits: n names of SPLITS, "" where not prescribed; None without a column `split`.
      folds: n names of the fold, "" where in none; None without a column `fold`.
      rows: int32 [n], how many lines of the table stand between the header and this one; blank
        lines count.
      bad_rows: what is wrong with each row that was left out, "row 3, column age: ...".
      sha256: hex digest of the file's bytes.
    """

    path: str
    delimiter: str
    header: tuple[str, ...]
    filenames: list[str]
    labels: dict[str, np.ndarray]
    people: list[str] | None
    splits: list[str] | None
    folds: list[str] | None
    rows: np.ndarray
    bad_rows: list[str]
    sha256: str

    def require_rows(self) -> "LabelledCsv":
        """Returns this; raises InputError where there is no row under the header."""
        if not self.filenames:
            raise InputError(f"{self.path}: expected rows under the header, found none")
        return self

    def labels_of(self, index: int) -> dict[str, int | None]:
        """Returns {task: label or None} of one of the n rows."""
        return labels_at(self.labels, index)


def labels_at(columns: dict[str, np.ndarray], index: int) -> dict[str, int | None]:
    """Returns {task: label or None} of one row of label columns, {task: int [n]}."""
    values = {task: int(column[index]) for task, column in columns.items()}
    return {task: None if value == UNLABELLED else value for task, value in values.items()}


def read_labelled_csv(
    path: str, names: Mapping[str, str] = MappingProxyType({}), skip_bad_rows: bool = False
) -> LabelledCsv:
    """Reads and checks a CSV file, once.

    Columns: `filename`, a column per task of LABELS, `person`, `split` and `fold`, or other names
    that mean the same (csv_columns.ALIASES); all but the first are optional, others are not used.
    Between cells stands what the header has most of: comma, semicolon or tab. A label is a whole
    number, a range of years as in 25-32, or a word for a class; an empty cell, NaN or None means
    "not labelled". Blank lines are skipped.

    Args:
      path: the file.
      names: {our name of a column: its name in the file}, see csv_columns.parse_columns.
      skip_bad_rows: leave out rows with a wrong value, and log how many.

    Raises:
      InputError: the file cannot be read, has a wrong header, or wrong rows: the first SHOWN of
        them are listed.
    """
    content = read_content(path)
    if content.startswith(b"PK\x03\x04"):
        raise InputError(
            f"{path}: expected a CSV file, got an Excel workbook; save it as CSV UTF-8"
        )
    delimiter = find_delimiter(content.partition(b"\n")[0].decode("utf-8", "replace"))
    records = read_records(path, content, delimiter)
    theirs = next(records, [])
    header = _read_header(path, theirs, names)
    parsers = {name: parse for name, parse in _parsers().items() if name in header}
    columns: dict[str, Any] = {name: array("h") if name in LABELS else [] for name in parsers}
    rows, bad_rows = array("i"), []
    places = [(name, header.index(name), parse) for name, parse in parsers.items()]
    for number, cells in numbered_rows(records):
        column = ""
        try:
            check_length(header, cells)
            values = []
            for name, place, parse in places:
                column = f", column {theirs[place].strip()}"
                values.append((name, parse(cells[place])))
        except ValueError as error:
            bad_rows.append(f"row {number}{column}: {error}")
            continue
        for name, value in values:
            columns[name].append(value)
        rows.append(number - 2)
    if bad_rows and not skip_bad_rows:
        raise InputError(_describe(path, bad_rows, len(rows)))
    if bad_rows:
        logger.warning("left out: %s", _describe(path, bad_rows, len(rows)))
    return LabelledCsv(
        str(path),
        delimiter,
        header,
        columns["filename"],
        {name: np.array(columns[name], np.int16) for name in LABELS if name in columns},
        columns.get("person"),
        columns.get("split"),
        columns.get("fold"),
        np.array(rows, np.int32),
        bad_rows,
        hashlib.sha256(content).hexdigest(),
    )


def _read_header(path, theirs, names):
    """Returns our names of the columns."""
    try:
        header = name_columns(theirs, names)
    except AmbiguousColumns as error:
        raise InputError(f"{path}: {error}") from None
    found = ", ".join(theirs[:80])[:80] or "an empty file"
    if "filename" not in header:
        raise InputError(
            f"{path}: expected a header line with the column filename, found {found!r}; "
            "--columns filename=NAME says what it is called"
        )
    unused = [name.strip() for name, ours in zip(theirs, header) if not ours]
    if unused:
        logger.warning(
            "%s: not used: the columns %s", path, ", ".join(map(repr, unused[:SHOWN]))[:200]
        )
    return header


def _describe(path, bad_rows, num_good):
    if len(bad_rows) == 1:
        return f"{path}, {bad_rows[0]}"
    lines = [f"{path}: {len(bad_rows)} of {len(bad_rows) + num_good} rows cannot be read"]
    lines += bad_rows[:SHOWN]
    if len(bad_rows) > SHOWN:
        lines.append(f"and {len(bad_rows) - SHOWN} more")
    return "\n  ".join(lines)


def _parsers() -> dict[str, Callable[[str], int | str]]:
    """Returns {column: cell -> value}, of every known column; they raise ValueError."""
    return {
        "filename": _parse_filename,
        # Labels repeat: a parsed cell is looked up the next time.
        **{
            name: functools.cache(functools.partial(_parse_label, label))
            for name, label in LABELS.items()
        },
        "person": _parse_name,
        "split": _parse_split,
        "fold": _parse_name,
    }


def _parse_filename(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError(f"expected a file name, got {text!r}")
    return text


def _parse_name(text: str) -> str:
    return "" if text.strip().casefold() in EMPTY else text


def _parse_split(text: str) -> str:
    split = _parse_name(text).strip().lower()
    if split not in ("", *SPLITS):
        raise ValueError(f"expected {', '.join(SPLITS)} or nothing, got {text!r}")
    return split


def _parse_label(label: Label, text: str) -> int:
    value = parse_label(label, text)
    return UNLABELLED if value is None else value
