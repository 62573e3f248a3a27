"""What is known about a photo already: its true labels, and whether it is a face crop that a manifest lists."""

import logging
import os

from age_gender_estimation.data.manifest import read_manifest
from age_gender_estimation.datasets.csv_file import SPLITS
from age_gender_estimation.datasets.utkface import labels_from_name
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem

logger = logging.getLogger(__name__)


class KnownLabels:
    """Looks photos up in a CSV, in the lists beside the nearest crop/ folder above them, and in UTKFace-style names.

    Args:
      csv_path: a manifest whose file names end the paths of the photos, or None.
    """

    def __init__(self, csv_path=None):
        self._given = _labels_by_name(csv_path) if csv_path else {}
        self._lists = {}

    def find(self, path):
        """Returns (labels {task: int or None} or None, whether a manifest lists the photo)."""
        parts = (path if filesystem.is_remote(path) else os.path.abspath(path)).split(os.sep)
        for start in range(len(parts)):
            name = "/".join(parts[start:])
            if name in self._given:
                return self._given[name], True
        if "crop" in parts[:-1]:
            depth = len(parts) - 2 - parts[-2::-1].index("crop")
            name, folder = "/".join(parts[depth + 1 :]), os.sep.join(parts[:depth])
            listed = self._listed_in(folder)
            if name in listed:
                return listed[name], True
        return labels_from_name(parts[-1]), False

    def _listed_in(self, folder):
        if folder not in self._lists:
            self._lists[folder] = {}
            for split in SPLITS:
                path = os.path.join(folder, f"{split}.csv")
                if not filesystem.isfile(path):
                    continue
                try:
                    self._lists[folder].update(_labels_by_name(path))
                except InputError as error:  # any file may be called train.csv
                    logger.warning("not taken as a list of the crops: %s", error)
        return self._lists[folder]


def _labels_by_name(path):
    names, columns = read_manifest(path)
    return {name: dict(zip(columns, labels)) for name, labels in zip(names, zip(*columns.values()))}
