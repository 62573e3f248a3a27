"""Probabilities and labels -> a temperature and an interval mass, in NumPy.

Labels are sets of classes: one class, or those of a range of years. Every row has a weight, so that
a long list does not decide alone.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

MIN_LABELS = 50  # with fewer, nothing is fitted; a list of fewer has a part of a list's weight
SMALLEST = 1e-30  # probability whose logarithm is taken
MARGIN = 1e-6  # for rounding in sums of probabilities


def equal_weights(sources: np.ndarray) -> np.ndarray:
    """Returns weights float [n] with which every list of at least MIN_LABELS rows weighs 1.

    A list of n < MIN_LABELS rows weighs n / MIN_LABELS: a full weight would let chance in a few
    labels decide as much as thousands of labels do, and no weight would waste them.

    Args:
      sources: int [n], the number of each row's list.
    """
    counts = np.bincount(sources)
    return 1.0 / np.maximum(counts, MIN_LABELS)[sources]


def fit_temperature(logits: np.ndarray, allowed: np.ndarray, weights: np.ndarray) -> float:
    """Returns the temperature with the lowest weighted mean of -log P(label), from 0.1 to 10.

    P(label) is the sum over its classes; for one class that is the cross-entropy.

    Args:
      logits: float [n, classes].
      allowed: bool [n, classes], the classes that each label means, at least one.
      weights: float [n], see `equal_weights`.
    """

    def loss(log_temperature):
        probabilities = softmax(logits / math.exp(log_temperature), axis=1)
        of_labels = np.maximum((probabilities * allowed).sum(axis=1), SMALLEST)
        return -np.average(np.log(of_labels), weights=weights)

    return math.exp(minimize_scalar(loss, bounds=(-math.log(10), math.log(10)), method="bounded").x)


def fit_interval_mass(
    probabilities: np.ndarray,
    years: np.ndarray,
    weights: np.ndarray,
    coverage: float = INTERVAL_COVERAGE,
) -> float:
    """Returns the share of the distribution with which intervals hold `coverage` of the true ages.

    The weighted quantile of Tibshirani et al., Conformal Prediction Under Covariate Shift, NeurIPS
    2019, in which a new face weighs as much as the heaviest row. With equal weights it is the
    ceil((n + 1) * coverage)-th smallest of what the faces need.

    Args:
      probabilities: float [n, years].
      years: int [n], the true ones.
      weights: float [n], see `equal_weights`.
      coverage: from 0 to 1. On average over calibration sets, intervals hold at least this share of
        new faces from the same distribution: a list drawn by its weight, and a face of it.
    """
    needed = _needed_masses(probabilities, years)
    order = np.argsort(needed, kind="stable")
    sums = np.cumsum(weights[order])
    # The sums are rounded: where they meet the share exactly, the rank must not move on.
    share = coverage * (sums[-1] + weights.max()) - 1e-9 * weights.min()
    rank = int(np.searchsorted(sums, share))
    if rank == len(needed):
        return 1.0
    return float(np.clip(needed[order[rank]] + MARGIN, MARGIN, 1.0))


def _needed_masses(probabilities: np.ndarray, years: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns float [n]: the mass from which on each interval holds the true year."""
    sums = np.cumsum(probabilities, axis=1)
    rows = np.arange(len(years))
    up_to, below = sums[rows, years], sums[rows, years] - probabilities[rows, years]
    # The interval goes from quantile (1 - mass) / 2 to quantile (1 + mass) / 2.
    return 2 * np.maximum(0.5 - up_to, below - 0.5)
