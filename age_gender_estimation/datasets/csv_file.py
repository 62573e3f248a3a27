"""CSV files with a column `filename` and label columns: manifests and people's own lists.

In: UTF-8 text with a header line and RFC 4180 quotes. Out: checked columns in memory. Every error
names the file, the row and the column.
"""

import functools
import hashlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from age_gender_estimation.datasets.csv_records import (
    numbered_rows,
    parse_label,
    read_content,
    read_records,
)
from age_gender_estimation.errors import InputError
from age_gender_estimation.tasks.labels import LABELS, Label

SPLITS = ("train", "val", "test")
UNLABELLED = -1


@dataclass(frozen=True, eq=False)
class LabelledCsv:
    """The columns of a CSV file, n rows.

    Attributes:
      path: the file.
      header: its column names in order.
      filenames: n file names.
      labels: {task: int16 [n]} of the label columns in the header; UNLABELLED where the cell is
        empty.
      people: n names of the person shown, "" where not known; None without a column `person`.
      splits: n names of SPLITS, "" where not prescribed; None without a column `split`.
      folds: n names of the fold, "" where in none; None without a column `fold`.
      rows: int32 [n], how many lines of the table stand between the header and this one; blank
        lines count.
      sha256: hex digest of the file's bytes.
    """

    path: str
    header: tuple[str, ...]
    filenames: list[str]
    labels: dict[str, np.ndarray]
    people: list[str] | None
    splits: list[str] | None
    folds: list[str] | None
    rows: np.ndarray
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


def read_labelled_csv(path: str) -> LabelledCsv:
    """Reads and checks a CSV file, once.

    Columns: `filename`, a column per task of LABELS, `person`, `split` and `fold`; all but the
    first are optional. A label is a whole number, a range of years as in 25-32, or the name or
    symbol of a class in any case; an empty cell means "not labelled". Blank lines are skipped.

    Raises:
      InputError: the file cannot be read, or the first wrong header, row or value.
    """
    content = read_content(path)
    records = read_records(path, content)
    header = next(records, [])
    if "filename" not in header or len(set(header)) != len(header):
        found = ",".join(header[:80])[:80] or "an empty file"
        raise InputError(
            f"{path}: expected a header line with the column filename, found {found!r}"
        )
    parsers = _parsers()
    unknown = [name for name in header if name not in parsers]
    if unknown:
        raise InputError(
            f"{path}: unknown column {unknown[0][:80]!r}; known are: {', '.join(parsers)}"
        )
    columns: dict[str, Any] = {name: array("h") if name in LABELS else [] for name in header}
    rows = array("i")
    parse_and_append = [(name, parsers[name], columns[name].append) for name in header]
    for number, cells in numbered_rows(path, header, records):
        for (name, parse, append), cell in zip(parse_and_append, cells):
            try:
                append(parse(cell))
            except ValueError as error:
                raise InputError(f"{path}, row {number}, column {name}: {error}") from None
        rows.append(number - 2)
    return LabelledCsv(
        str(path),
        tuple(header),
        columns["filename"],
        {name: np.array(columns[name], np.int16) for name in LABELS if name in columns},
        columns.get("person"),
        columns.get("split"),
        columns.get("fold"),
        np.array(rows, np.int32),
        hashlib.sha256(content).hexdigest(),
    )


def _parsers() -> dict[str, Callable[[str], int | str]]:
    """Returns {column: cell -> value}, of every known column; they raise ValueError."""
    return {
        "filename": _parse_filename,
        # Labels repeat: a parsed cell is looked up the next time.
        **{
            name: functools.cache(functools.partial(_parse_label, label))
            for name, label in LABELS.items()
        },
        "person": str,
        "split": _parse_split,
        "fold": str,
    }


def _parse_filename(text: str) -> str:
    if not text or "\0" in text:
        raise ValueError(f"expected a file name, got {text!r}")
    return text


def _parse_split(text: str) -> str:
    if text not in ("", *SPLITS):
        raise ValueError(f"expected {', '.join(SPLITS)} or nothing, got {text!r}")
    return text


def _parse_label(label: Label, text: str) -> int:
    value = parse_label(label, text)
    return UNLABELLED if value is None else value
