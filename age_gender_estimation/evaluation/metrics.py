"""Metrics over labelled predictions, in NumPy, each with a bootstrap 95% interval.

Callers leave out what is not labelled.
"""

import numpy as np
from numpy.typing import ArrayLike

NUM_RESAMPLES = 1000
NUM_BINS = 15


def age_metrics(true_years: np.ndarray, predicted_years: np.ndarray, seed: int = 0) -> dict:
    """Returns {"mae", "rmse", "cs5", "best_constant_mae"}.

    In years. cs5 is the share of errors up to 5 years (Geng et al., PAMI 2007). best_constant_mae
    is the MAE of always predicting the median of the true ages, the best that a constant can do.

    Args:
      true_years, predicted_years: float [n], n > 0, no NaN.
      seed: of the resampling.

    Returns:
      {name: {"value", "low", "high", "n"}} for the first three, see `with_interval`; a float for
      the last.
    """
    errors = np.abs(np.asarray(predicted_years, np.float64) - true_years)
    squares = with_interval(errors**2, seed)
    return {
        "mae": with_interval(errors, seed),
        "rmse": {
            **{name: float(np.sqrt(squares[name])) for name in ("value", "low", "high")},
            "n": squares["n"],
        },
        "cs5": with_interval(errors <= 5, seed),
        "best_constant_mae": float(np.abs(np.median(true_years) - true_years).mean()),
    }


def with_interval(values: ArrayLike, seed: int = 0) -> dict:
    """Returns a mean with its bootstrap 95% interval: {"value", "low", "high", "n"}.

    low and high are the 2.5 and 97.5 percentiles of the means of NUM_RESAMPLES resamples (Efron &
    Tibshirani, An Introduction to the Bootstrap, 1993).

    Args:
      values: float or bool [n], n > 0.
      seed: of the resampling.

    Raises:
      ValueError: another shape.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"expected values [n] with n > 0, got shape {values.shape}")
    generator = np.random.default_rng(seed)
    means = [
        values[generator.integers(0, values.size, values.size)].mean() for _ in range(NUM_RESAMPLES)
    ]
    low, high = np.percentile(means, [2.5, 97.5])
    return {
        "value": float(values.mean()),
        "low": float(low),
        "high": float(high),
        "n": int(values.size),
    }


def confusion_matrix(
    true_classes: ArrayLike, predicted_classes: ArrayLike, num_classes: int
) -> np.ndarray:
    """Returns int [num_classes, num_classes]: rows are true classes, columns predicted ones."""
    matrix = np.zeros((num_classes, num_classes), int)
    np.add.at(matrix, (np.asarray(true_classes, int), np.asarray(predicted_classes, int)), 1)
    return matrix


def calibration_error(confidences: ArrayLike, is_right: ArrayLike) -> float:
    """Returns the expected calibration error, from 0 to 1 (Guo et al., ICML 2017).

    The mean difference between confidence and accuracy over NUM_BINS equally wide bins, weighted
    by their faces. Few faces make it too high.

    Args:
      confidences: float [n] in [0, 1], the probability of the predicted class.
      is_right: bool [n].
    """
    confidences, is_right = np.asarray(confidences, np.float64), np.asarray(is_right, np.float64)
    bins = np.minimum((confidences * NUM_BINS).astype(int), NUM_BINS - 1)
    gaps = [abs((confidences - is_right)[bins == number].sum()) for number in range(NUM_BINS)]
    return float(sum(gaps) / len(confidences))


def quantile_error(ranks: ArrayLike) -> float:
    """Returns the calibration error of distributions, 0 to 0.5 (after Kuleshov et al., ICML 2018).

    Below the 10% quantile of a calibrated distribution lie 10% of the true values, and so on. This
    is the mean absolute difference over 10%, 20%, ..., 90%.

    Args:
      ranks: float [n], the share of each distribution up to its true value.
    """
    levels = np.arange(1, 10) / 10
    return float(np.mean([abs((np.asarray(ranks) <= level).mean() - level) for level in levels]))
