"""CSV files with labels: the reader that manifests share, and the dataset of people's own labelled pictures.

In: UTF-8 with a header line, RFC 4180 quoting. Out: rows of parsed labels; every error names file, row and column.
"""

import csv
import os
import stat

from age_gender_estimation.datasets.example import Example
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.tasks.labels import LABELS

SPLITS = ("train", "val", "test")
MAX_LINE = 2**20  # characters; a line is held in memory, and a file may be without line ends


def read_header(path):
    """Returns the column names in the first line of a CSV file.

    Raises:
      InputError: unreadable, or the header lacks `filename`, repeats a column or is no header.
    """
    with _open(path) as file:
        header = next(_records(path, file), [])
    if "filename" not in header or len(set(header)) != len(header):
        found = ",".join(header[:80])[:80] or "an empty file"
        raise InputError(
            f"{path}: expected a header line with the column filename, found {found!r}"
        )
    return header


def read_rows(path, extra_columns=(), is_manifest=True):
    """Yields (row number, {column: text}, {task: label or None}) of a CSV file with `filename` and label columns.

    Args:
      path: the CSV file.
      extra_columns: names allowed beside `filename` and the tasks.
      is_manifest: whether TensorFlow will read it too: then labels are bare numbers, and rows are never blank.

    Raises:
      InputError: on the first wrong header, row or value.
    """
    header = read_header(path)
    known = ("filename", *LABELS, *extra_columns)
    unknown = [name for name in header if name not in known]
    if unknown:
        raise InputError(
            f"{path}: unknown column {unknown[0][:80]!r}; known are: {', '.join(known)}"
        )
    with _open(path) as file:
        for number, cells in enumerate(_records(path, file), start=1):
            if number == 1 or not cells and not is_manifest:
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}, row {number}: expected {len(header)} cells, found {len(cells)}"
                )
            row = dict(zip(header, cells))
            if not row["filename"] or "\0" in row["filename"]:
                raise InputError(
                    f"{path}, row {number}, column filename: expected a file name, got {row['filename']!r}"
                )
            yield (
                number,
                row,
                {
                    name: _label(path, number, name, row[name], is_manifest)
                    for name in LABELS
                    if name in row
                },
            )


def read_csv_dataset(path, filters):
    """Reads people's own pictures: `filename` and any of age, gender, race, person, split.

    `person` keeps all pictures of somebody on one side of the split; without it equal content does. `split` (train, val
    or test) is obeyed. Gender and race may be written as numbers or names.

    Args:
      path: the CSV file.
      filters: Filters; only the age range matters here. A picture without any label is dropped as `no_label`.

    Returns:
      A list of Example in the file's order.

    Raises:
      InputError: see `read_rows`; or a split that is none, or no rows at all.
    """
    examples = []
    for number, row, labels in read_rows(path, ("person", "split"), is_manifest=False):
        split = row.get("split") or None
        if split not in (None, *SPLITS):
            raise InputError(
                f"{path}, row {number}, column split: expected {', '.join(SPLITS)} or nothing, got {split!r}"
            )
        age = labels.get("age")
        drop = "no_label" if all(label is None for label in labels.values()) else ""
        if age is not None and not filters.min_age <= age <= filters.max_age:
            drop = "age"
        examples.append(Example(row["filename"], labels, row.get("person") or None, split, drop))
    if not examples:
        raise InputError(f"{path}: expected rows under the header, found none")
    return examples


def _open(path):
    try:
        # It is read twice, which a pipe cannot be; a device has no end.
        if not filesystem.is_remote(path) and not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"{path}: expected a CSV file, found a folder, pipe or device")
        return filesystem.open(path, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); expected a CSV file"
        ) from None


def _records(path, file):
    lines = []  # of one record
    reader = csv.reader(_lines(path, file, lines), strict=True)
    try:
        for cells in reader:
            _check_quotes(cells, "".join(lines))
            lines.clear()
            yield cells
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        where = f"{path}, near line {reader.line_num + 1}"
        raise InputError(f"{where}: expected UTF-8 CSV with RFC 4180 quotes ({error})") from None


def _check_quotes(cells, text):
    """Quotes within a cell that is not quoted are read by Python and refused by TensorFlow, which names no row."""
    if '"' not in text:
        return
    for cell in cells:
        if '"' in cell and '"{}"'.format(cell.replace('"', '""')) not in text:
            raise csv.Error(f"a quote within {cell[:80]!r}, which is not quoted")


def _lines(path, file, lines):
    while line := file.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise InputError(f"{path}: expected lines of less than {MAX_LINE} characters")
        lines.append(line)
        yield line


def _label(path, number, name, text, is_manifest):
    label = LABELS[name]
    written = text.strip().lower()
    for names in () if is_manifest else (label.class_names, label.class_symbols):
        if written in (known.lower() for known in names):
            return [known.lower() for known in names].index(written)
    try:
        if is_manifest and text != text.strip():
            raise ValueError(f"expected no spaces, got {text!r}")
        return label.parse(text)
    except ValueError as error:
        raise InputError(f"{path}, row {number}, column {name}: {error}") from None
