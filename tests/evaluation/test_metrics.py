import numpy as np
import pytest

from age_gender_estimation.evaluation.metrics import (
    age_metrics,
    calibration_error,
    confusion_matrix,
    quantile_error,
    with_interval,
)
from age_gender_estimation.tasks.age_groups import decade_names


def test_age_metrics_by_hand():
    # errors 0, 4, -10: MAE 14/3, RMSE sqrt(116/3); two of three within 5; median 30, so the
    # constant errs 10, 0, 30
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
    assert confusion_matrix([0, 0, 1, 2], [0, 1, 1, 0], 3).tolist() == [
        [1, 1, 0],
        [0, 1, 0],
        [1, 0, 0],
    ]


def test_calibration_error_by_hand():
    # Two bins: 0.62 and 0.65 (right, wrong), gap |1.27 - 1| = 0.27; 0.92 twice (right), gap |1.84 -
    # 2| = 0.16.
    assert calibration_error([0.62, 0.65, 0.92, 0.92], [True, False, True, True]) == pytest.approx(
        0.43 / 4
    )
    assert calibration_error([1.0, 1.0], [True, True]) == 0.0  # the last bin holds 1 itself


def test_calibration_error_of_honest_confidences_is_near_zero_and_of_boasting_ones_is_not():
    generator = np.random.default_rng(0)
    confidences = generator.uniform(0.5, 1.0, 20_000)
    is_right = generator.uniform(size=20_000) < confidences
    assert calibration_error(confidences, is_right) < 0.01
    assert calibration_error(np.sqrt(confidences), is_right) == pytest.approx(
        np.mean(np.sqrt(confidences) - confidences), abs=0.01
    )


def test_quantile_error_is_zero_for_even_ranks_and_large_for_ranks_in_the_middle():
    assert quantile_error((np.arange(100) + 0.5) / 100) == pytest.approx(0.0)
    # All at 0.55: nothing lies up to 10..50%, everything up to 60..90%: (0.1+0.2+0.3+0.4+0.5 +
    # 0.4+0.3+0.2+0.1) / 9
    assert quantile_error([0.55] * 4) == pytest.approx(2.5 / 9)


def test_decades():
    assert decade_names([0, 9, 10, 101, np.nan]).tolist() == ["0-9", "0-9", "10-19", "100-109", ""]
