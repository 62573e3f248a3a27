"""The label files of published datasets, CSV or TSV with a known header -> rows of text cells."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from age_gender_estimation.datasets.csv_records import (
    check_length,
    numbered_rows,
    parse_label,
    read_content,
    read_records,
)
from age_gender_estimation.errors import InputError
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True)
class Row:
    """One row of a label file.

    Attributes:
      path: the file.
      number: of the row; the header is 1.
      cells: {column: text}.
    """

    path: str
    number: int
    cells: Mapping[str, str]

    def parse(self, column: str, parse: Callable[[str], int | None]) -> int | None:
        """Returns the value of a cell; an error of `parse` names file, row and column.

        Raises:
          InputError: `parse` raised ValueError.
        """
        try:
            return parse(self.cells[column])
        except ValueError as error:
            raise InputError(f"{self.path}, row {self.number}, column {column}: {error}") from None

    def label(self, task: str, names: Mapping[str, str] = MappingProxyType({})) -> int | None:
        """Returns the label of a task, from the column of its name; None if the cell is empty.

        Args:
          task: the task.
          names: {name in the file: our name, or "" for "not labelled"} where they differ.
        """
        return self.parse(task, lambda text: parse_label(LABELS[task], names.get(text, text)))


def read_label_table(path: str, columns: Sequence[str], delimiter: str = ",") -> Iterator[Row]:
    """Yields the rows of a file; blank lines are skipped.

    Args:
      path: the file, UTF-8.
      columns: the columns that it must have; it may have others.
      delimiter: between cells.

    Raises:
      InputError: the file cannot be read, lacks a column, or has a row of another length.
    """
    records = read_records(path, read_content(path), delimiter)
    header = next(records, [])
    missing = [column for column in columns if column not in header]
    if missing:
        raise InputError(
            f"{path}: expected the columns {', '.join(columns)}; {', '.join(missing)} not found "
            f"in {','.join(header)[:80]!r}"
        )
    for number, cells in numbered_rows(records):
        try:
            check_length(header, cells)
        except ValueError as error:
            raise InputError(f"{path}, row {number}: {error}") from None
        yield Row(path, number, dict(zip(header, cells)))
