"""The manifest: the CSV file between preprocessing, training and evaluation, as checked columns.

Header `filename,age,gender[,race]`; `filename` is relative to the image folder; an age is a year or
a range as in 25-32; an empty cell means "not labelled".
"""

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from age_gender_estimation.data.splits import (
    CALIBRATE,
    MIN_ROWS,
    PARTS,
    REPORT,
    SELECT,
    part_number,
)
from age_gender_estimation.datasets.csv_file import UNLABELLED, labels_at, read_labelled_csv
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import csv_line
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True, eq=False)
class Manifest:
    """The checked columns of a manifest, or of one part of it, n rows.

    Attributes:
      path: the CSV file.
      image_dir: the folder that `filename` is relative to.
      delimiter: between the cells of the file.
      header: our names of its columns in order, "" for one that is not used.
      filenames: n file names.
      labels: {task: int16 [n]} of every task; UNLABELLED where there is no label or it is not used.
      rows: int32 [n], the rows' places in the file, 0 for the first line under the header.
      tasks: whose labels are used.
      sha256: hex digest of the file's bytes.
      part_name: the part that this is, of splits.PARTS; None for the whole file.
      answers: {task: float16 [n, classes]}, what other models answer for the rows; {} if none do.
    """

    path: str
    image_dir: str
    delimiter: str
    header: tuple[str, ...]
    filenames: list[str]
    labels: dict[str, np.ndarray]
    rows: np.ndarray
    tasks: tuple[str, ...]
    sha256: str
    part_name: str | None = None
    answers: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """The number of rows, n."""
        return len(self.filenames)

    @property
    def num_labels(self) -> dict[str, int]:
        """{task: labelled rows} of every task; 0 where its labels are not used."""
        return {task: int((column >= 0).sum()) for task, column in self.labels.items()}

    @property
    def identity(self) -> tuple[str, tuple[str, ...], str | None]:
        """What two manifests have in common that hold the same rows and labels, wherever they
        lie."""
        return self.sha256, self.tasks, self.part_name

    def labels_of(self, index: int) -> dict[str, int | None]:
        """Returns {task: label or None} of one of the n rows."""
        return labels_at(self.labels, index)

    def paths(self) -> list[str]:
        """Returns the paths of the n images."""
        return [os.path.join(self.image_dir, name) for name in self.filenames]

    def part(self, name: str) -> "Manifest":
        """Returns one part of the whole manifest; `name` is one of splits.PARTS."""
        chosen = np.flatnonzero(part_number(np.arange(self.num_rows)) == PARTS.index(name))
        return dataclasses.replace(
            self,
            filenames=[self.filenames[index] for index in chosen],
            labels={task: column[chosen] for task, column in self.labels.items()},
            rows=self.rows[chosen],
            answers={task: values[chosen] for task, values in self.answers.items()},
            part_name=name,
        )


def open_manifest(path: str, image_dir: str, tasks: Iterable[str] = ()) -> Manifest:
    """Reads a manifest and checks every row of it, and that every image exists.

    In a bucket the image folders are listed for that: a request per image would take hours.

    Args:
      path: the CSV file.
      image_dir: the folder of its images.
      tasks: use the labels of these only; of all tasks in the header if empty.

    Raises:
      InputError: a missing file or folder, a wrong header, row or value, no rows, or no column of
        one of `tasks`.
    """
    if not filesystem.isdir(image_dir):
        raise InputError(
            f"{image_dir}: expected the folder of face crops, found no folder; see --img-dir"
        )
    table = read_labelled_csv(path).require_rows()
    tasks = tuple(tasks) or tuple(table.labels)
    missing = [name for name in tasks if name not in table.labels]
    if missing:
        raise InputError(
            f"{path}: its labels of {', '.join(missing)} are to be used, "
            f"its columns are {', '.join(filter(None, table.header))}"
        )
    is_image = _finder(image_dir)
    for row, name in zip(table.rows, table.filenames):
        if os.path.isabs(name):
            raise InputError(
                f"{path}, row {row + 2}: expected a name relative to {image_dir}, got {name!r}"
            )
        if not is_image(name):
            raise InputError(
                f"{path}, row {row + 2}: no image {name!r} in {image_dir}; see --img-dir"
            )
    unused = np.full(len(table.filenames), UNLABELLED, np.int16)
    labels = {name: table.labels[name] if name in tasks else unused for name in LABELS}
    return Manifest(
        str(path),
        str(image_dir),
        table.delimiter,
        table.header,
        table.filenames,
        labels,
        table.rows,
        tasks,
        table.sha256,
    )


def _finder(image_dir: str) -> Callable[[str], bool]:
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


def paths_of(manifests: Iterable[Manifest]) -> list[str]:
    """Returns the paths of the images of manifests, in their order."""
    return [path for manifest in manifests for path in manifest.paths()]


def divide_validation(manifests: Iterable[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """Divides validation manifests by what their rows are for.

    Returns:
      (what chooses a checkpoint, what calibrates it). A manifest of fewer than MIN_ROWS rows
      chooses with all of them and calibrates nothing.
    """
    selecting, calibrating = [], []
    for manifest in manifests:
        if manifest.num_rows < MIN_ROWS:
            selecting.append(manifest)
        else:
            selecting.append(manifest.part(SELECT))
            calibrating.append(manifest.part(CALIBRATE))
    return selecting, calibrating


def reporting_part(manifest: Manifest) -> Manifest:
    """Returns the rows that neither chose nor calibrated a model.

    Raises:
      InputError: the manifest is too short to be divided.
    """
    if manifest.num_rows < MIN_ROWS:
        raise InputError(
            f"{manifest.path}: expected at least {MIN_ROWS} rows, of which a third neither chose "
            f"nor calibrated the model, found {manifest.num_rows}: all of them chose it; measure "
            "on other faces"
        )
    return manifest.part(REPORT)


def manifest_text(
    rows: Iterable[tuple[str, dict[str, int | None]]], task_names: Sequence[str]
) -> str:
    """Returns a manifest as text.

    Args:
      rows: (file name, {task: label or None}) of each image.
      task_names: the columns beside `filename`.
    """
    lines = [csv_line(["filename", *task_names])]
    for filename, labels in rows:
        values = ((name, labels.get(name)) for name in task_names)
        cells = ("" if value is None else LABELS[name].write(value) for name, value in values)
        lines.append(csv_line([filename, *cells]))
    return "".join(lines)
