"""Metrics over labelled predictions, in NumPy, each with a bootstrap 95% interval.

True labels are arrays with NaN for "not labelled"; what is not labelled counts nowhere.
"""

import numpy as np

NUM_RESAMPLES = 1000
NUM_BINS = 15


def age_metrics(true_years, predicted_years, seed=0):
    """Returns {"mae", "rmse", "cs5", "best_constant_mae"}.

    In years; cs5 is the share of errors up to 5 years (Geng et al., PAMI 2007); best_constant_mae,
    a plain number, is the MAE of always answering the median of the true ages, which no constant
    answer beats.

    Args:
      true_years, predicted_years: float [n], n > 0, no NaN.
      seed: of the resampling.

    Returns:
      {name: {"value", "low", "high", "n"}} for the first three; low and high are the 2.5 and 97.5
      percentiles over resampled examples (Efron & Tibshirani, 1993).
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


def with_interval(values, seed=0):
    """Returns the mean of [n] `values` with its bootstrap 95% interval: {"value", "low", "high",
    "n"}."""
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


def confusion_matrix(true_classes, predicted_classes, num_classes):
    """Returns int [num_classes, num_classes]: rows are true classes, columns predicted ones."""
    matrix = np.zeros((num_classes, num_classes), int)
    np.add.at(matrix, (np.asarray(true_classes, int), np.asarray(predicted_classes, int)), 1)
    return matrix


def calibration_error(confidences, is_right):
    """Returns the expected calibration error, from 0 to 1 (Guo et al., ICML 2017): how far
    confidence is from accuracy.

    The mean over NUM_BINS equally wide bins, weighted by their faces; few faces make it too high.

    Args:
      confidences: float [n], the probability of the answer.
      is_right: bool [n].
    """
    confidences, is_right = np.asarray(confidences, np.float64), np.asarray(is_right, np.float64)
    bins = np.minimum((confidences * NUM_BINS).astype(int), NUM_BINS - 1)
    gaps = [abs((confidences - is_right)[bins == number].sum()) for number in range(NUM_BINS)]
    return float(sum(gaps) / len(confidences))


def quantile_error(ranks):
    """Returns the calibration error of distributions, from 0 to 0.5 (after Kuleshov et al., ICML
    2018).

    Up to the quantile of 10% of a right distribution lie 10% of the true values, and so on: the
    mean absolute difference over 10%, 20%, ..., 90%.

    Args:
      ranks: float [n], the share of each distribution up to its true value.
    """
    levels = np.arange(1, 10) / 10
    return float(np.mean([abs((np.asarray(ranks) <= level).mean() - level) for level in levels]))
