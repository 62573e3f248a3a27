"""What is known about an image already: its true labels, and whether it is a face crop that a
manifest lists."""

import logging
import os
from collections.abc import Mapping

from age_gender_estimation.datasets.csv_file import SPLITS, LabelledCsv, read_labelled_csv
from age_gender_estimation.datasets.utkface import labels_from_name
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.tasks.labels import LABELS

logger = logging.getLogger(__name__)


class KnownLabels:
    """Looks images up in a CSV, in the manifests beside the nearest crop/ folder above them, and in
    UTKFace-style names.

    Args:
      csv_path: a manifest whose file names end the paths of the images, or None.
    """

    def __init__(self, csv_path: str | None = None):
        self._given = _Names([read_labelled_csv(csv_path)] if csv_path else [])
        self._beside: dict[str, _Names] = {}  # by the folder above crop/

    def find(self, path: str) -> tuple[Mapping[str, int | None] | None, bool]:
        """Returns (labels {task: int or None} or None, whether a manifest lists the image)."""
        parts = (path if filesystem.is_remote(path) else os.path.abspath(path)).split(os.sep)
        for start in range(len(parts)):
            labels = self._given.find("/".join(parts[start:]))
            if labels:
                return labels, True
        if "crop" in parts[:-1]:
            depth = len(parts) - 2 - parts[-2::-1].index("crop")
            labels = self._names_beside(os.sep.join(parts[:depth])).find(
                "/".join(parts[depth + 1 :])
            )
            if labels:
                return labels, True
        return labels_from_name(parts[-1]), False

    def _names_beside(self, folder: str) -> "_Names":
        if folder not in self._beside:
            tables = []
            for split in SPLITS:
                path = os.path.join(folder, f"{split}.csv")
                if not filesystem.isfile(path):
                    continue
                try:
                    tables.append(read_labelled_csv(path))
                except InputError as error:  # any file may be called train.csv
                    logger.warning("not taken as a manifest of the crops: %s", error)
            self._beside[folder] = _Names(tables)
        return self._beside[folder]


class _Names:
    """The rows of some tables by file name; the last row of a name counts."""

    def __init__(self, tables: list[LabelledCsv]):
        self._rows = {
            name: (table, index) for table in tables for index, name in enumerate(table.filenames)
        }

    def find(self, name: str) -> dict[str, int | None] | None:
        if name not in self._rows:
            return None
        table, index = self._rows[name]
        return {**dict.fromkeys(LABELS), **table.labels_of(index)}
