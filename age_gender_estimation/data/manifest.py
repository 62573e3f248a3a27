"""The manifest: the CSV contract between preprocessing, training and evaluation.

Header `filename,age,gender[,race]`; `filename` is relative to the image folder; an empty cell means "not labelled".
"""

import functools
import os
import pathlib
from dataclasses import dataclass

from age_gender_estimation.data.splits import (
    CALIBRATE,
    MIN_ROWS,
    PARTS,
    REPORT,
    SELECT,
    part_number,
)
from age_gender_estimation.datasets.csv_file import read_header, read_rows
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import csv_line
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True)
class Manifest:
    """A checked manifest file and where its pictures lie.

    Attributes:
      path: the CSV file.
      image_dir: the folder that `filename` is relative to.
      columns: names in the header, in order.
      num_rows: rows under the header.
      num_labels: {task: labelled rows}; 0 for a task whose labels are not used.
      ages: (rows of age 0, of age 1, ...), as far as age is used.
      tasks: whose labels are used.
      part: the part that is used, of splits.PARTS; None for all rows. It is what the counts are of.
    """

    path: str
    image_dir: str
    columns: tuple[str, ...]
    num_rows: int
    num_labels: dict
    ages: tuple[int, ...]
    tasks: tuple[str, ...]
    part: str | None = None


def open_manifest(path, image_dir, tasks=(), part=None):
    """Checks every row of a manifest and, with all of its rows, that its pictures exist.

    In a bucket the folders that it names are listed for that, as half a million pictures would be as many requests.

    Args:
      path: the CSV file.
      image_dir: the folder of its pictures.
      tasks: use the labels of these only; of all tasks that the header names if empty.
      part: use the rows of this part only, of splits.PARTS.

    Returns:
      A Manifest.

    Raises:
      InputError: a missing file or folder, a wrong header, row or value, no rows, or no column of one of `tasks`.
    """
    if not filesystem.isdir(image_dir):
        raise InputError(
            f"{image_dir}: expected the folder of face crops, found no folder; see --img-dir"
        )
    columns = tuple(read_header(path))
    tasks = tuple(tasks) or tuple(name for name in LABELS if name in columns)
    missing = [name for name in tasks if name not in columns]
    if missing:
        raise InputError(
            f"{path}: its labels of {', '.join(missing)} are to be used, its columns are {', '.join(columns)}"
        )
    is_picture = _finder(image_dir)
    num_rows, num_labels, ages = 0, dict.fromkeys(LABELS, 0), [0] * (LABELS["age"].highest + 1)
    for number, row, labels in _rows(path, part):
        num_rows += 1
        for name in tasks:
            num_labels[name] += labels[name] is not None
        if "age" in tasks and labels["age"] is not None:
            ages[labels["age"]] += 1
        if os.path.isabs(row["filename"]):
            raise InputError(
                f"{path}, row {number}: expected a name relative to {image_dir}, got {row['filename']!r}"
            )
        if part is None and not is_picture(row["filename"]):
            raise InputError(
                f"{path}, row {number}: no picture {row['filename']!r} in {image_dir}; see --img-dir"
            )
    if not num_rows:
        raise InputError(f"{path}: expected rows under the header, found none")
    return Manifest(
        str(path), str(image_dir), columns, num_rows, num_labels, tuple(ages), tasks, part
    )


def _finder(image_dir):
    """Returns a function: file name -> whether the image folder holds it."""
    if not filesystem.is_remote(image_dir):
        return lambda name: os.path.isfile(os.path.join(image_dir, name))

    @functools.cache
    def names_in(folder):
        try:
            return frozenset(filesystem.listdir(os.path.join(image_dir, folder)))
        except FileNotFoundError:
            return frozenset()

    def is_listed(name):
        folder, name = os.path.split(name)
        return name in names_in(folder)

    return is_listed


def divide_validation(manifests):
    """Returns (manifests that choose a checkpoint, manifests that calibrate it) of validation lists.

    Lists of fewer than MIN_ROWS rows choose with all of them and calibrate nothing.
    """
    chosen = [
        _part(manifest, SELECT) if manifest.num_rows >= MIN_ROWS else manifest
        for manifest in manifests
    ]
    return chosen, [
        _part(manifest, CALIBRATE) for manifest in manifests if manifest.num_rows >= MIN_ROWS
    ]


def reporting_part(manifest):
    """Returns the manifest of the rows that neither chose nor calibrated a model.

    Raises:
      InputError: the list is too short to be divided.
    """
    if manifest.num_rows < MIN_ROWS:
        raise InputError(
            f"{manifest.path}: expected at least {MIN_ROWS} rows, of which a third neither chose nor "
            f"calibrated the model, found {manifest.num_rows}: all of them chose it; measure on other faces"
        )
    return _part(manifest, REPORT)


def _part(manifest, part):
    return open_manifest(manifest.path, manifest.image_dir, manifest.tasks, part)


def _rows(path, part):
    for place, (number, row, labels) in enumerate(read_rows(path)):
        if part in (None, PARTS[part_number(place)]):
            yield number, row, labels


def read_manifest(path, tasks=tuple(LABELS), part=None):
    """Returns (list of file names, {task: list of label or None}) of a manifest, in its order; of `tasks` only.

    Args:
      path: the CSV file.
      tasks: whose labels to read.
      part: read the rows of this part only, of splits.PARTS.
    """
    names, columns = [], {name: [] for name in tasks}
    for _, row, labels in _rows(path, part):
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
        lines.append(
            csv_line(
                [
                    filename,
                    *("" if labels.get(name) is None else labels[name] for name in task_names),
                ]
            )
        )
    return "".join(lines)


def source_names(paths):
    """Returns a name for each CSV: its file name, after as many of its folders as tell it from the others.

    Raises:
      SettingError: a CSV is given twice.
    """
    # From the root on, so that a list's name does not depend on the folder the script is started in.
    parts = [pathlib.Path(os.path.abspath(path)).parts[1:] for path in paths]
    for path, own in zip(paths, parts):
        if parts.count(own) > 1:
            raise SettingError(
                f"expected every CSV once, got {path} {parts.count(own)} times: all its rows would be "
                "duplicates; see --csv"
            )
    return [
        "/".join(_shortest_ending(own, [other for other in parts if other != own])) for own in parts
    ]


def _shortest_ending(own, others):
    length = 1
    while own[-length:] in [other[-length:] for other in others]:
        length += 1
    return own[-length:]
