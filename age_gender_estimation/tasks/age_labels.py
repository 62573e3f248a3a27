"""Ages as labels: whole years, or ranges of years with both ends included. Imports no TensorFlow.

A label is one whole number, `first + SPAN * (last - first)`. So a year is itself, a range of one
year is that year, and columns of labels stay columns of numbers; -1 is "not labelled". The
functions that take labels work on ints, NumPy arrays and tensors.
"""

import re
from typing import Any

import numpy as np

HIGHEST_AGE = 116  # UTKFace's oldest
SPAN = 128  # above every year
_YEAR = re.compile(r"[0-9]{1,3}")
_RANGE = re.compile(r"([0-9]{1,3})\s*[-\u2013]\s*([0-9]{1,3})|\(([0-9]{1,3}),\s*([0-9]{1,3})\)")
_OPEN_RANGE = re.compile(r"([0-9]{1,3})\s*\+|more than ([0-9]{1,3})")


def age_label(first: int, last: int) -> int:
    """Returns the label of the years `first` to `last`.

    >>> age_label(46, 46), age_label(25, 32)
    (46, 921)
    """
    return first + SPAN * (last - first)


def first_years(labels: Any) -> Any:
    """Returns the first year of labels; of unlabelled ones, any number."""
    return labels % SPAN


def last_years(labels: Any) -> Any:
    """Returns the last year of labels, that of an open range such as 70+ is HIGHEST_AGE."""
    return labels % SPAN + labels // SPAN


def is_one_year(labels: Any) -> Any:
    """Returns whether labels are one year; False for a range and where there is no label."""
    return (labels >= 0) & (labels < SPAN)


def means_year(labels: Any, years: Any) -> Any:
    """Returns whether labels are these years or ranges with them; False where there is no label."""
    return (labels >= 0) & (first_years(labels) <= years) & (years <= last_years(labels))


def middle_years(labels: Any) -> Any:
    """Returns the year in the middle of labels; a range of over ten years counts as its first ten,
    for 70+ is mostly people in their seventies. Of unlabelled ones, any number. Not for tensors."""
    return first_years(labels) + np.minimum(labels // SPAN, 10) // 2


def parse_age(text: str) -> int | None:
    """Returns the label in `text`, or None for an empty cell ("not labelled").

    >>> [show_age(parse_age(text)) for text in ("46", "25-32", "(25, 32)", "70+", "more than 70")]
    ['46', '25-32', '25-32', '70-116', '70-116']

    Raises:
      ValueError: `text` is none of these, or a year is above HIGHEST_AGE, or a range is reversed.
    """
    text = text.strip().lower()
    if not text:
        return None
    if _YEAR.fullmatch(text):
        first = last = int(text)
    elif match := _RANGE.fullmatch(text):
        first, last = (int(year) for year in match.groups() if year)
    elif match := _OPEN_RANGE.fullmatch(text):
        first, last = int(match[1] or match[2]), HIGHEST_AGE
    else:
        first, last = 0, HIGHEST_AGE + 1
    if not first <= last <= HIGHEST_AGE:
        raise ValueError(
            f"expected years from 0 to {HIGHEST_AGE}, as in 46, 25-32 or 70+, or nothing, "
            f"got {text!r}"
        )
    return age_label(first, last)


def show_age(label: int) -> str:
    """Returns a label as manifests and predict write it: `46` or `25-32`."""
    first, last = first_years(label), last_years(label)
    return str(first) if is_one_year(label) else f"{first}-{last}"
