import numpy as np
import pytest

from age_gender_estimation.evaluation.metrics import (
    age_metrics,
    confusion_matrix,
    decade_names,
    mae_by_group,
    with_interval,
)


def test_age_metrics_by_hand():
    # errors 0, 4, -10: MAE 14/3, RMSE sqrt(116/3); two of three within 5; median 30, so the constant errs 10, 0, 30
    metrics = age_metrics(np.array([20.0, 30.0, 60.0]), np.array([20.0, 34.0, 50.0]))
    assert metrics["mae"]["value"] == pytest.approx(14 / 3)
    assert metrics["rmse"]["value"] == pytest.approx(np.sqrt(116 / 3))
    assert metrics["cs5"]["value"] == pytest.approx(2 / 3)
    assert metrics["best_constant_mae"] == pytest.approx(40 / 3)
    assert metrics["mae"]["n"] == 3


def test_cs5_counts_errors_up_to_5_years():
    assert age_metrics(np.array([20.0, 20.0]), np.array([25.0, 25.1]))["cs5"]["value"] == 0.5


def test_interval_has_the_width_that_theory_gives():
    # Mean of 400 draws with deviation 1: 1.96 / sqrt(400) to each side.
    values = np.random.default_rng(1).normal(size=400)
    entry = with_interval(values)
    half = 1.96 * values.std() / 20
    assert entry["low"] == pytest.approx(values.mean() - half, abs=0.012)
    assert entry["high"] == pytest.approx(values.mean() + half, abs=0.012)
    assert with_interval(values) == entry


def test_rmse_interval_is_that_of_the_squares():
    true, predicted = np.zeros(50), np.arange(50.0)
    squares = with_interval(predicted**2)
    assert age_metrics(true, predicted)["rmse"]["high"] == pytest.approx(np.sqrt(squares["high"]))


@pytest.mark.parametrize("values", [[], [[1.0]]])
def test_nothing_or_a_matrix_has_no_interval(values):
    with pytest.raises(ValueError, match="expected values"):
        with_interval(values)


def test_confusion_matrix_has_true_classes_as_rows():
    assert confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_error_and_bias_by_group():
    groups = mae_by_group(np.array([10.0, 10.0, 50.0]), np.array([12.0, 6.0, 45.0]), ["a", "a", "b"])
    assert (groups["a"]["value"], groups["a"]["bias"], groups["a"]["n"]) == (3.0, -1.0, 2)
    assert (groups["b"]["value"], groups["b"]["bias"]) == (5.0, -5.0)


def test_decades():
    assert decade_names([0, 9, 10, 101]) == ["0-9", "0-9", "10-19", "100-109"]
