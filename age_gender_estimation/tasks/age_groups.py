"""Groups of ages, ((first, last), ...) in years, both ends included. Imports no TensorFlow."""

import functools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from age_gender_estimation.tasks.age_labels import first_years, last_years
from age_gender_estimation.tasks.labels import LABELS, Label

Group = tuple[int, int]

# The ranges of the EfficientNet study that docs/studies.md names.
AGE_GROUPS: dict[str, tuple[Group, ...]] = {
    "3": ((1, 26), (27, 52), (53, 80)),
    "5": ((1, 11), (12, 23), (24, 39), (40, 55), (56, 80)),
    "10": tuple((first, first + 7) for first in range(1, 80, 8)),
}


def parse_age_groups(text: str) -> tuple[Group, ...]:
    """Returns the groups of `--age-encoding groups:TEXT`.

    Args:
      text: a key of AGE_GROUPS, or ranges in rising order such as `0-17,18-64,65-116`.

    Raises:
      ValueError: a range is wrong; the message says which, and what was expected.
    """
    if text in AGE_GROUPS:
        return AGE_GROUPS[text]
    groups = tuple(_parse_range(part) for part in text.split(","))
    for before, after in zip(groups, groups[1:]):
        if after[0] <= before[1]:
            raise ValueError(
                "expected ranges that rise and do not overlap, "
                f"got {group_name(before)} before {group_name(after)}"
            )
    return groups


def allowed_groups(labels: Any, groups: Sequence[Group]) -> list:
    """Returns, for each group, a bool array or tensor [n]: whether it is one that a label means.

    A year, or a range within a group, means that group. A range that is made of whole groups means
    all of them. A range that cuts through a group, and an unlabelled row, mean none.

    Args:
      labels: int [n], a NumPy array or a tensor; see tasks.age_labels.
      groups: they do not overlap.
    """
    first, last = first_years(labels), last_years(labels)
    touched = [(last >= low) & (first <= high) for low, high in groups]
    is_within = [(first >= low) & (last <= high) for low, high in groups]
    is_cut = [(first > low) | (last < high) for low, high in groups]
    cuts = functools.reduce(operator.or_, map(operator.and_, touched, is_cut))
    is_usable = (labels >= 0) & (~cuts | functools.reduce(operator.or_, is_within))
    return [each & is_usable for each in touched]


def decade_names(years: Iterable[float]) -> np.ndarray:
    """Returns the decade of each age as an array of str: "0-9", "10-19", ...; "" for NaN."""
    decades = np.asarray(years, np.float64) // 10 * 10
    names = [
        "" if np.isnan(first) else group_name((int(first), int(first) + 9)) for first in decades
    ]
    return np.array(names, object)


def group_name(group: Group) -> str:
    """Returns a (first, last) group as people write it: `27-52`."""
    return f"{group[0]}-{group[1]}"


def group_label(groups: Iterable[Group]) -> Label:
    """Returns the Label of a model that predicts groups: its classes are the groups."""
    names = tuple(map(group_name, groups))
    return Label("age_group", len(names) - 1, names, names)


def _parse_range(text: str) -> Group:
    first, _, last = text.strip().partition("-")
    highest = LABELS["age"].highest
    is_range = all(
        year.isascii() and year.isdecimal() and int(year) <= highest for year in (first, last)
    )
    if not is_range:
        raise ValueError(
            f"expected {', '.join(AGE_GROUPS)} or ranges of years up to {highest} "
            f"as in 0-17,18-64, got {text!r}"
        )
    if int(first) > int(last):
        raise ValueError(f"expected the first year of a range before its last, got {text!r}")
    return int(first), int(last)
