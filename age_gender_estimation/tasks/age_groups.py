"""Age groups: ranges of years ((first, last), ...), both years included."""

import numpy as np
import numpy.typing as npt

from age_gender_estimation.tasks.labels import LABELS, Label

Groups = tuple[tuple[int, int], ...]

# The groups of the EfficientNet study in the table of published systems.
AGE_GROUPS: dict[str, Groups] = {
    "3": ((1, 26), (27, 52), (53, 80)),
    "5": ((1, 11), (12, 23), (24, 39), (40, 55), (56, 80)),
    "10": tuple((first, first + 7) for first in range(1, 80, 8)),
}


def parse_age_groups(text: str) -> Groups:
    """Returns age groups from a text: a key of AGE_GROUPS, or ranges like `0-17,18-64,65-116`.

    Raises:
      ValueError: a range is malformed or empty, or the ranges overlap or do not rise.
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


def group_numbers(years: np.ndarray, groups: Groups) -> np.ndarray:
    """Returns the index of each age's group; for tensors see `age_heads.group_of`.

    Args:
      years: ages [n], NaN for unknown.
      groups: the age groups.

    Returns:
      int [n]; -1 for an age outside all groups and for NaN.
    """
    numbers = np.full(len(years), -1)
    for number, (first, last) in enumerate(groups):
        numbers[(years >= first) & (years <= last)] = number
    return numbers


def decade_names(years: npt.ArrayLike) -> np.ndarray:
    """Returns the decade of each age [n] as str [n]: "0-9", "10-19", ...; "" for NaN."""
    ages = np.asarray(years, np.float64)
    starts = [None if np.isnan(age) else int(age) // 10 * 10 for age in ages]
    return np.array(["" if start is None else f"{start}-{start + 9}" for start in starts], object)


def group_name(group: tuple[int, int]) -> str:
    """Returns the name of a group, as `27-52`."""
    return f"{group[0]}-{group[1]}"


def group_label(groups: Groups) -> Label:
    """Returns the Label whose classes are the groups."""
    names = tuple(map(group_name, groups))
    return Label("age_group", len(names) - 1, names, names)


def _parse_range(text: str) -> tuple[int, int]:
    first, dash, last = text.strip().partition("-")
    highest = LABELS["age"].highest
    ends = (first, last)
    is_year = [end.isascii() and end.isdecimal() and int(end) <= highest for end in ends]
    if not dash or not all(is_year):
        raise ValueError(
            f"expected {', '.join(AGE_GROUPS)} or ranges of years up to {highest} "
            f"as in 0-17,18-64, got {text!r}"
        )
    if int(first) > int(last):
        raise ValueError(
            f"expected the first year of a range below its last, got {text!r}, which is empty"
        )
    return int(first), int(last)
