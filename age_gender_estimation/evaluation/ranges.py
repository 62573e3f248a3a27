"""Predicted ages against labels that are ranges of years.

A list of ranges has classes: the ranges that at least MIN_SHARE of its ranges are, the more
frequent first, without those that overlap a class by more than a year. So Adience has its eight
published ranges, and 27-32 or 8-23, which few faces have, are none of them. Faces with such a range
count for `years outside` only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from age_gender_estimation.evaluation.metrics import with_interval
from age_gender_estimation.evaluation.predictions import Predictions
from age_gender_estimation.tasks.age_groups import Group, group_name

MIN_SHARE = 0.01


@dataclass(frozen=True)
class RangeScores:
    """What is measured of n faces, NaN or "" for those without a range.

    Attributes:
      names: object [n], the class, as `25-32`; "" for a range that is no class.
      years_off: float [n], from the nearest year of the range to the predicted age: 0 inside the
        range, below 0 where the prediction is too young; all NaN if the model predicts no years.
      is_right: float [n], 1 where of all classes of the list, the one nearest to the predicted age
        is the true one (the younger where two are as near), else 0; NaN without a class.
      is_near: likewise, 1 also for a neighbour of the true class in rising order.
      meets: float [n], 1 where the predicted interval and the range have a year in common; all NaN
        without intervals.
    """

    names: np.ndarray
    years_off: np.ndarray
    is_right: np.ndarray
    is_near: np.ndarray
    meets: np.ndarray


def score_ranges(predictions: Predictions) -> RangeScores:
    """Returns the RangeScores of predictions; each list has its own classes."""
    num_faces = len(predictions.paths)
    names = np.full(num_faces, "", object)
    years_off, is_right, is_near, meets = np.full((4, num_faces), np.nan)
    first, last = predictions.ranges.T
    if "age" in predictions.predicted:
        years_off = years_from_ranges(predictions.predicted["age"], first, last)
    if "age_low" in predictions.ages:
        low, high = predictions.ages["age_low"], predictions.ages["age_high"]
        meets = np.where(np.isnan(first), np.nan, (low <= last) & (first <= high))
    sources = np.array(predictions.sources)
    for source in dict.fromkeys(predictions.sources):
        own = sources == source
        classes = range_classes(predictions.ranges[own])
        for number, group in enumerate(classes):
            members = own & (first == group[0]) & (last == group[1])
            names[members] = group_name(group)
            if "age" in predictions.predicted:
                steps = abs(nearest_class(predictions.predicted["age"][members], classes) - number)
                is_right[members], is_near[members] = steps == 0, steps <= 1
    return RangeScores(names, years_off, is_right, is_near, meets)


def range_classes(ranges: np.ndarray) -> list[Group]:
    """Returns the classes of a list of ranges, in rising order; see the module.

    Args:
      ranges: float [n, 2], first and last years; NaN for faces without a range.
    """
    known = ranges[~np.isnan(ranges[:, 0])].astype(int)
    found, counts = np.unique(known, axis=0, return_counts=True)
    classes: list[Group] = []
    for index in np.argsort(-counts, kind="stable"):
        first, last = found[index].tolist()
        overlaps = any(min(last, high) - max(first, low) > 0 for low, high in classes)
        if counts[index] >= MIN_SHARE * len(known) and not overlaps:
            classes.append((first, last))
    return sorted(classes)


def nearest_class(years: np.ndarray, classes: Sequence[Group]) -> np.ndarray:
    """Returns int [n], the place of the class that is nearest to each age; the younger of two."""
    distances = [abs(years_from_ranges(years, first, last)) for first, last in classes]
    return np.argmin(distances, axis=0)


def years_from_ranges(
    years: np.ndarray, first: np.ndarray | float, last: np.ndarray | float
) -> np.ndarray:
    """Returns float [n]: how far ages are above the last (+) or below the first (-) year."""
    return np.maximum(years - last, 0) + np.minimum(years - first, 0)


def describe_ranges(scores: RangeScores, chosen: np.ndarray) -> dict:
    """Returns the entry of some faces with ranges, bool [n] `chosen`.

    Returns:
      {"years_outside": mean distance in years; "bias": the same with its sign; "right_range",
      "one_off" if any face has a class; "interval_meets" if there are intervals}. See RangeScores.
    """
    years_off = scores.years_off[chosen]
    entry = {"years_outside": with_interval(abs(years_off)), "bias": float(years_off.mean())}
    shares = (
        ("right_range", scores.is_right),
        ("one_off", scores.is_near),
        ("interval_meets", scores.meets),
    )
    for name, column in shares:
        values = column[chosen]
        if not np.isnan(values).all():
            entry[name] = with_interval(values[~np.isnan(values)])
    return entry
