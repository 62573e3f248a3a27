"""The manifest: the CSV contract between preprocessing, training and evaluation.

Header `filename,age,gender[,race]`; `filename` is relative to the image folder; an empty cell means "not labelled".
"""
import os
from dataclasses import dataclass

from age_gender_estimation.data.files import csv_line
from age_gender_estimation.datasets.csv_file import read_header, read_rows
from age_gender_estimation.errors import InputError
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True)
class Manifest:
    """A checked manifest file and where its pictures lie.

    Attributes:
      path: the CSV file.
      image_dir: the folder that `filename` is relative to.
      columns: names in the header, in order.
      num_rows: rows under the header.
      num_labels: {task: labelled rows}.
      highest_age: the largest age in it, -1 where there is none.
    """
    path: str
    image_dir: str
    columns: tuple[str, ...]
    num_rows: int
    num_labels: dict
    highest_age: int


def open_manifest(path, image_dir):
    """Checks every row of a manifest and that its pictures exist.

    Returns:
      A Manifest.

    Raises:
      InputError: a missing file or folder, a wrong header, row or value, or no rows.
    """
    if not os.path.isdir(image_dir):
        raise InputError(f"{image_dir}: expected the folder of face crops, found no folder; see --img-dir")
    num_rows, highest_age, num_labels = 0, -1, dict.fromkeys(LABELS, 0)
    for number, row, labels in read_rows(path):
        num_rows += 1
        for name, label in labels.items():
            num_labels[name] += label is not None
        if labels.get("age") is not None:
            highest_age = max(highest_age, labels["age"])
        if os.path.isabs(row["filename"]):
            raise InputError(f"{path}, row {number}: expected a name relative to {image_dir}, got {row['filename']!r}")
        if not os.path.isfile(os.path.join(image_dir, row["filename"])):
            raise InputError(f"{path}, row {number}: no picture {row['filename']!r} in {image_dir}; see --img-dir")
    if not num_rows:
        raise InputError(f"{path}: expected rows under the header, found none")
    return Manifest(str(path), str(image_dir), tuple(read_header(path)), num_rows, num_labels, highest_age)


def read_manifest(path):
    """Returns (list of file names, {task: list of label or None}) of a manifest, in its order."""
    names, columns = [], {name: [] for name in LABELS}
    for _, row, labels in read_rows(path):
        names.append(row["filename"])
        for name, values in columns.items():
            values.append(labels.get(name))
    return names, columns


def manifest_text(rows, task_names):
    """Returns a manifest as text.

    Args:
      rows: iterable of (file name, {task: label or None}).
      task_names: the columns beside `filename`.
    """
    lines = [csv_line(["filename", *task_names])]
    for filename, labels in rows:
        lines.append(csv_line([filename, *("" if labels.get(name) is None else labels[name] for name in task_names)]))
    return "".join(lines)
