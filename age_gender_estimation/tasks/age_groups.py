"""Ages as ranges of years: the text of `--age-encoding groups:...` -> ((first, last), ...), both years included."""

import numpy as np

from age_gender_estimation.tasks.labels import LABELS, Label

# The ranges of the EfficientNet study that the README's table of systems names.
AGE_GROUPS = {
    "3": ((1, 26), (27, 52), (53, 80)),
    "5": ((1, 11), (12, 23), (24, 39), (40, 55), (56, 80)),
    "10": tuple((first, first + 7) for first in range(1, 80, 8)),
}


def parse_age_groups(text):
    """Returns the groups that `text` stands for: a key of AGE_GROUPS or ranges like `0-17,18-64,65-116`, in order.

    Raises:
      ValueError: what is wrong with which range, and what was expected.
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


def group_numbers(years, groups):
    """Returns int [n], the number of the group that each of the years [n] falls into; -1 outside all, and for NaN."""
    numbers = np.full(len(years), -1)
    for number, (first, last) in enumerate(groups):
        numbers[(years >= first) & (years <= last)] = number
    return numbers


def decade_names(years):
    """Returns the decade of each age as an array of texts: "0-9", "10-19", ...; "" for NaN."""
    starts = [
        None if np.isnan(year) else int(year) // 10 * 10 for year in np.asarray(years, np.float64)
    ]
    return np.array(["" if start is None else f"{start}-{start + 9}" for start in starts], object)


def group_name(group):
    """Returns a (first, last) group as people read it: `27-52`."""
    return f"{group[0]}-{group[1]}"


def group_label(groups):
    """Returns the Label whose classes are the groups, as the other tasks have one in LABELS."""
    names = tuple(map(group_name, groups))
    return Label("age_group", len(names) - 1, names, names)


def _parse_range(text):
    first, dash, last = text.strip().partition("-")
    highest = LABELS["age"].highest
    if not (
        dash
        and all(
            year.isascii() and year.isdecimal() and int(year) <= highest for year in (first, last)
        )
    ):
        raise ValueError(
            f"expected {', '.join(AGE_GROUPS)} or ranges of years up to {highest} as in 0-17,18-64, "
            f"got {text!r}"
        )
    if int(first) > int(last):
        raise ValueError(
            f"expected the first year of a range before its last, got {text!r}, which is empty"
        )
    return int(first), int(last)
