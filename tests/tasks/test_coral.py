"""CORAL: losses worked out by hand, probabilities by another formula."""

import math

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.tasks.age_labels import age_label
from age_gender_estimation.tasks.coral import RankLogits, coral_head, rank_losses


def test_the_loss_asks_for_every_year_whether_the_face_is_older():
    logits = np.log(np.array([[0.2, 0.3, 0.5]] * 5, np.float32)) + 7  # normalized or not
    labels = tf.constant([1, 0, 2, age_label(0, 1), age_label(0, 2)])
    # Older than 0 is true with 0.8, older than 1 with 0.5.
    expected = [-math.log(0.8 * 0.5), -math.log(0.2 * 0.5), -math.log(0.8 * 0.5), -math.log(0.5), 0]
    np.testing.assert_allclose(rank_losses(labels, logits), np.array(expected) / 20, atol=1e-6)


def test_the_gradient_of_the_loss_is_finite_for_certain_and_unlabelled_faces():
    logits = tf.Variable([[0.0, 80.0, -80.0], [0.0, 0.0, 0.0]])
    head = coral_head(2, 1.0, 0.8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(head.example_losses(tf.constant([0, -1]), logits))
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(gradient).all() and gradient[1].tolist() == [0, 0, 0]
    # P(older than 0) is 1: the derivative of -log(1 - it) / 20 by the logit of year 0 is -1 / 20.
    np.testing.assert_allclose(gradient[0, 0], -1 / 20, rtol=1e-5)


@pytest.mark.parametrize("number", [-30.0, -1.0, 0.0, 2.5, 30.0])
def test_years_get_the_differences_of_the_sigmoids(number):
    layer = RankLogits(5, name="age_logits")
    layer(tf.zeros([1, 1]))  # makes the weights
    steps = np.array([0.1, -2.0, 1.0], np.float32)
    layer.set_weights([np.array([[1.0]]), np.array([-0.5]), steps])
    thresholds = -0.5 + np.cumsum([0, *np.log1p(np.exp(steps.astype(np.float64)))])
    older = [1, *(1 / (1 + np.exp(thresholds - number))), 0]
    logits = layer(tf.constant([[number]])).numpy()[0]
    np.testing.assert_allclose(np.exp(logits), -np.diff(older), atol=2e-7)
    assert np.isfinite(logits).all()


def test_an_untrained_head_answers_about_35_years_with_the_spread_of_a_logistic_distribution():
    head = coral_head(116, 1.0, 0.8)
    outputs = head.decode(head.output_layer(head.num_logits, name="x")(tf.zeros([1, 4])))
    # Its tenths are log(9) = 2.197 scales of 10 years from the middle; year k ends at k + 0.5.
    assert outputs["age_median"].numpy() == [35.0]
    assert (outputs["age_low"].numpy(), outputs["age_high"].numpy()) == ([13.0], [57.0])
    np.testing.assert_allclose(tf.reduce_sum(outputs["age_probabilities"]), 1, rtol=1e-5)
