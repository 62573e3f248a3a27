"""Short names of CSV files for reports: `train.csv`, or `imdb/train.csv` and `wiki/train.csv`."""

import os
import pathlib
from collections.abc import Sequence

from age_gender_estimation.errors import SettingError


def source_names(paths: Sequence[str]) -> list[str]:
    """Returns a name for each CSV: its file name, with as many of its folders as tell it from the
    others.

    Raises:
      SettingError: a CSV is given twice.
    """
    # From the root on: the name must not depend on the current folder.
    parts = [pathlib.Path(os.path.abspath(path)).parts[1:] for path in paths]
    for path, own in zip(paths, parts):
        if parts.count(own) > 1:
            raise SettingError(
                f"expected every CSV once, got {path} {parts.count(own)} times: all its rows "
                "would be duplicates; see --csv"
            )
    return [
        "/".join(_shortest_ending(own, [other for other in parts if other != own])) for own in parts
    ]


def _shortest_ending(own: tuple[str, ...], others: list[tuple[str, ...]]) -> tuple[str, ...]:
    length = 1
    while own[-length:] in [other[-length:] for other in others]:
        length += 1
    return own[-length:]
