"""Every encoding of age: loss, decoding and metrics against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.tasks.age_heads import (
    age_quantile,
    classes_head,
    expected_age,
    gaussian_targets,
    groups_head,
    mean_variance_head,
    range_losses,
    regression_head,
    soft_head,
    years_outside,
)
from age_gender_estimation.tasks.age_labels import age_label
from age_gender_estimation.tasks.coral import coral_head

GROUPS = ((1, 26), (27, 52), (53, 80))


def log(*values):
    return np.log(np.array([values], np.float32))


def streamed(head, labels, logits):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        labels = tf.constant(labels)
        metrics = head.metrics(
            labels, head.decode(tf.constant(logits)), tf.cast(head.labelled(labels), tf.float32)
        )
        session.run(tf.compat.v1.local_variables_initializer())
        session.run([update for _, update in metrics.values()])
        return session.run({name: value for name, (value, _) in metrics.items()})


@pytest.mark.parametrize(
    "head",
    [
        classes_head(2, 1),
        soft_head(2, 1.0, 1),
        mean_variance_head(2, 1),
        coral_head(2, 1, 0.8),
        regression_head(2, "l1", 1),
    ],
)
def test_ages_above_max_age_count_as_unlabelled(head):
    assert head.labelled(tf.constant([0, 2, 3, -1])).numpy().tolist() == [True, True, False, False]
    losses = head.example_losses(tf.constant([3, -1]), tf.zeros([2, head.num_logits]))
    assert losses.numpy().tolist() == [0.0, 0.0]


def test_mean_variance_adds_the_error_of_the_mean_and_the_variance_as_published():
    head = mean_variance_head(2, 1)
    logits = np.repeat(log(0.2, 0.3, 0.5), 3, axis=0)
    labels = tf.constant([1, age_label(0, 1), age_label(0, 2)])
    # The mean is 1.3, the variance 0.3 + 4 * 0.5 - 1.3^2 = 0.61; 0.3 years lie outside 1 and 0-1.
    expected = [-np.log(0.3) + 0.2 * 0.09 / 2 + 0.05 * 0.61, -np.log(0.5) + 0.2 * 0.09 / 2, 0]
    np.testing.assert_allclose(head.example_losses(labels, logits), expected, atol=1e-6)
    outputs = head.decode(tf.constant(logits))
    np.testing.assert_allclose(outputs["age"], [1.3] * 3, rtol=1e-6)


def test_classes_are_cross_entropy_decoded_by_expectation_and_median():
    head = classes_head(3, 1)
    logits = log(0.1, 0.2, 0.3, 0.4)
    np.testing.assert_allclose(
        head.example_losses(tf.constant([1]), logits), [-np.log(0.2)], rtol=1e-6
    )
    outputs = head.decode(tf.constant(logits))
    np.testing.assert_allclose(outputs["age"], [0.2 + 0.6 + 1.2], rtol=1e-6)
    # Up to year 1 lie 0.3, up to year 2 lie 0.6 of it: half is reached in year 2.
    assert outputs["age_median"].numpy().tolist() == [2.0]
    np.testing.assert_allclose(outputs["age_probabilities"], [[0.1, 0.2, 0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(outputs["probability_under_18"], [1.0], rtol=1e-6)


@pytest.mark.parametrize("mass, low, high", [(0.8, 1, 3), (0.5, 1, 2), (0.28, 2, 2), (1.0, 0, 3)])
def test_the_interval_holds_at_least_its_share_of_the_distribution(mass, low, high):
    # Sums up to the years 0..3: 0.05, 0.35, 0.80, 1.00; for 0.8 the shares 0.1 and 0.9 are reached
    # in years 1 and 3.
    outputs = classes_head(3, 1, mass).decode(tf.constant(log(0.05, 0.30, 0.45, 0.20)))
    assert (outputs["age_low"].numpy().tolist(), outputs["age_high"].numpy().tolist()) == (
        [low],
        [high],
    )


def test_probability_under_18_ends_before_the_eighteenth_birthday():
    probabilities = np.full(21, 0.02)
    probabilities[17], probabilities[18] = (
        0.32,
        0.30,
    )  # the rest, 19 years, holds 0.38, 0.34 of it below 17
    outputs = soft_head(20, 2.0, 1).decode(tf.constant(log(*probabilities)))
    np.testing.assert_allclose(outputs["probability_under_18"], [0.32 + 17 * 0.02], rtol=1e-5)


def test_expectation_and_median_of_a_skewed_distribution_differ():
    skewed = tf.constant([[0.6, 0.0, 0.0, 0.0, 0.4], [0.0, 0.0, 0.0, 0.0, 1.0]])
    np.testing.assert_allclose(expected_age(skewed), [1.6, 4.0], rtol=1e-6)
    assert age_quantile(skewed, 0.5).numpy().tolist() == [0.0, 4.0]
    assert age_quantile(tf.constant([[0.0, 0.0, 0.499]]), 0.5).numpy().tolist() == [
        2.0
    ]  # a sum that rounding made too small


def test_soft_targets_are_a_gaussian_around_the_year():
    # sigma 1, label 1 of years 0..3: weights e^-1/2, 1, e^-1/2, e^-2
    weights = np.exp([-0.5, 0.0, -0.5, -2.0])
    np.testing.assert_allclose(
        gaussian_targets(tf.constant([1]), 3, 1.0), [weights / weights.sum()], rtol=1e-6
    )
    # sigma 2: the exponents are a quarter of that
    weights = np.exp([-0.125, 0.0, -0.125, -0.5])
    np.testing.assert_allclose(
        gaussian_targets(tf.constant([1]), 3, 2.0), [weights / weights.sum()], rtol=1e-6
    )


def test_soft_loss_is_the_divergence_from_the_target_and_zero_for_a_perfect_answer():
    head = soft_head(1, 1.0, 1)
    # years 0 and 1, label 0: target (1, e^-1/2) / (1 + e^-1/2) = (0.62246, 0.37754); answer (1/2,
    # 1/2)
    target = np.array([1.0, np.exp(-0.5)]) / (1 + np.exp(-0.5))
    expected = (target * np.log(target / 0.5)).sum()  # 0.0303
    assert expected == pytest.approx(0.0303, abs=1e-5)
    np.testing.assert_allclose(
        head.example_losses(tf.constant([0]), tf.zeros([1, 2])), [expected], rtol=1e-5
    )
    perfect = tf.constant(np.log(target[np.newaxis]), tf.float32)
    np.testing.assert_allclose(head.example_losses(tf.constant([0]), perfect), [0.0], atol=1e-6)


@pytest.mark.parametrize("sigma", [0.05, 1000.0])
def test_soft_loss_is_finite_for_any_sigma(sigma):
    assert np.isfinite(
        soft_head(100, sigma, 1).example_losses(tf.constant([0, 100]), tf.zeros([2, 101]))
    ).all()


def test_regression_is_in_units_of_twenty_years_around_35():
    head = regression_head(100, "l1", 1)
    logits = tf.constant([[0.0], [0.5], [-9.0], [9.0]])  # 35, 45, below 0, above 100 years
    assert head.decode(logits)["age"].numpy().tolist() == [35.0, 45.0, 0.0, 100.0]
    # errors of 5, 20, 0 - but -145 + 35 for the third: the loss sees what clipping hides - in units
    # of 20 years
    losses = head.example_losses(tf.constant([40, 25, 35, 100]), logits)
    np.testing.assert_allclose(losses, [0.25, 1.0, 9.0, 9.0 - 65 / 20], rtol=1e-6)


def test_huber_is_quadratic_below_five_years_and_linear_above():
    head = regression_head(100, "huber", 1)
    # delta 0.25: errors 0.125 (2.5 years) -> 0.125^2 / 0.5 = 0.03125; 0.25 -> 0.125; 1 (20 years)
    # -> 1 - 0.125
    losses = head.example_losses(tf.constant([35, 35, 35]), tf.constant([[0.125], [0.25], [-1.0]]))
    np.testing.assert_allclose(losses, [0.03125, 0.125, 0.875], rtol=1e-6)


def test_groups_count_ages_outside_all_of_them_as_unlabelled():
    labels = tf.constant([0, 1, 26, 27, 52, 53, 80, 81, -1])
    head = groups_head(GROUPS, 1)
    assert head.labelled(labels).numpy().tolist() == [False] + [True] * 6 + [False] * 2
    losses = head.example_losses(tf.constant([30, 81]), np.repeat(log(0.2, 0.5, 0.3), 2, axis=0))
    np.testing.assert_allclose(losses, [-np.log(0.5), 0.0], rtol=1e-6)
    outputs = head.decode(tf.constant(log(0.2, 0.5, 0.3)))
    np.testing.assert_allclose(outputs["age_group_probabilities"], [[0.2, 0.5, 0.3]], rtol=1e-6)


def test_streaming_metrics_skip_what_is_not_labelled():
    logits = np.log(np.eye(5, dtype=np.float32)[[1, 4, 0]] + 1e-9)  # ages 1, 4 and 0
    values = streamed(classes_head(4, 1), [2, 2, -1], logits)
    # errors 1 and 2: MAE 1.5, RMSE sqrt((1 + 4) / 2)
    np.testing.assert_allclose(values["age_mae"], 1.5, rtol=1e-5)
    np.testing.assert_allclose(values["age_rmse"], np.sqrt(2.5), rtol=1e-5)
    np.testing.assert_allclose(values["age_median_mae"], 1.5)
    values = streamed(
        groups_head(GROUPS, 1), [30, 60, 81], np.repeat(log(0.2, 0.5, 0.3), 3, axis=0)
    )
    assert values == {"age_group_accuracy": 0.5}
    values = streamed(regression_head(100, "l1", 1), [40, 25, -1], np.zeros([3, 1], np.float32))
    np.testing.assert_allclose(
        [values["age_mae"], values["age_rmse"]], [7.5, np.sqrt(62.5)], rtol=1e-6
    )


def gradient(head, label, logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss, _ = head.loss(tf.constant([label]), logits)
    return float(loss), tape.gradient(loss, logits).numpy()[0]


@pytest.mark.parametrize("head", [classes_head(3, 1), soft_head(3, 2.0, 1)])
def test_a_range_teaches_minus_the_logarithm_of_its_probability(head):
    # P(1 to 2) = 0.2 + 0.3. The gradient is p - p / P inside the range, and p outside.
    loss, slopes = gradient(head, age_label(1, 2), log(0.1, 0.2, 0.3, 0.4))
    assert loss == pytest.approx(-np.log(0.5), rel=1e-6)
    np.testing.assert_allclose(slopes, [0.1, 0.2 - 0.4, 0.3 - 0.6, 0.4], atol=1e-6)


@pytest.mark.parametrize("head", [classes_head(3, 1), soft_head(3, 2.0, 1)])
def test_a_range_of_all_years_teaches_nothing(head):
    # An open range ends above max_age.
    for last in (3, 116):
        loss, slopes = gradient(head, age_label(0, last), log(0.1, 0.2, 0.3, 0.4))
        assert loss == pytest.approx(0, abs=1e-6)
        np.testing.assert_allclose(slopes, np.zeros(4), atol=1e-6)


def test_a_range_of_probability_0_has_a_finite_loss_and_gradient():
    loss, slopes = gradient(classes_head(3, 1), age_label(2, 3), [[0.0, 1000.0, -1000.0, -1000.0]])
    assert loss == pytest.approx(2000 - np.log(2))
    np.testing.assert_allclose(slopes, [0, 1, -0.5, -0.5], atol=1e-6)


def test_one_allowed_class_has_the_cross_entropy():
    logits = log(0.1, 0.2, 0.7)
    losses = range_losses(tf.constant([[False, True, False]]), logits)
    expected = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=logits)
    np.testing.assert_allclose(losses, expected, rtol=1e-6)


def test_regression_learns_the_distance_to_a_range():
    head = regression_head(100, "l1", 1)
    range_label = age_label(25, 32)
    # 35 + 20 * 0.25 = 40 years, 8 above 32: a loss of 8 / 20 and a slope of 1. 30 years are inside.
    assert gradient(head, range_label, [[0.25]]) == (pytest.approx(0.4), [1.0])
    assert gradient(head, range_label, [[-0.25]]) == (0.0, [0.0])
    assert years_outside(tf.constant([range_label, 30]), [20.0, 31.0]).numpy().tolist() == [5, 1]


def test_groups_learn_ranges_of_whole_groups_or_within_one():
    head = groups_head(GROUPS, 1)  # 1-26, 27-52, 53-80
    whole, within, two, cut = (
        age_label(*years) for years in ((27, 52), (30, 32), (1, 60), (20, 30))
    )
    assert head.labelled(tf.constant([whole, within, two, cut])).numpy().tolist() == (
        [True, True, False, False]
    )
    both = age_label(27, 80)
    logits = np.repeat(log(0.2, 0.5, 0.3), 4, axis=0)
    losses = head.example_losses(tf.constant([whole, within, both, cut]), logits)
    np.testing.assert_allclose(losses, [-np.log(0.5), -np.log(0.5), -np.log(0.8), 0], rtol=1e-6)


def test_metrics_take_years_and_ranges():
    # Expected years 1 and 3: one from 2, none from 2-3, and the range does not count for the MAE.
    logits = np.array([[-99, 99, -99, -99], [-99, -99, -99, 99]], np.float32)
    metrics = streamed(classes_head(3, 1), [2, age_label(2, 3)], logits)
    assert metrics["age_years_outside"] == pytest.approx(0.5)
    assert metrics["age_mae"] == pytest.approx(1.0)
    metrics = streamed(groups_head(GROUPS, 1), [age_label(1, 52), 60], log(0.2, 0.5, 0.3)[[0, 0]])
    assert metrics["age_group_accuracy"] == pytest.approx(0.5)


def test_in_a_graph_soft_ages_and_ranges_have_the_losses_that_they_have_eagerly():
    # There, == compares two tensors by identity.
    labels, logits = np.array([2, age_label(1, 2)], np.int32), log(0.1, 0.2, 0.3, 0.4)[[0, 0]]
    head = soft_head(3, 1.0, 1)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        losses = session.run(head.losses(tf.constant(labels), tf.constant(logits)))
    assert losses[1] == pytest.approx(-np.log(0.5))
    expected = head.losses(tf.constant(labels), tf.constant(logits))
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
