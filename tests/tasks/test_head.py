"""The joint loss against numbers worked out by hand, and what unlabelled rows may not change."""

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.networks.network import build_heads
from age_gender_estimation.tasks.head import joint_loss, mean_over_heads
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.hparams import HParams


def gender_head(**settings):
    return make_heads(HParams(tasks=("gender",), **settings))["gender"]


def test_cross_entropy_of_labelled_examples_and_zero_for_the_others():
    # softmax(0, ln 3) = (1/4, 3/4): -ln 3/4 for label 1, -ln 1/4 for label 0.
    logits = tf.constant([[0.0, np.log(3.0)]] * 3)
    losses = gender_head().example_losses(tf.constant([1, 0, -1]), logits)
    np.testing.assert_allclose(losses, [-np.log(0.75), -np.log(0.25), 0.0], rtol=1e-6)


def test_the_loss_is_the_mean_of_the_labelled_only():
    loss, has_label = gender_head().loss(
        tf.constant([1, 0, -1, -1]), tf.constant([[0.0, np.log(3.0)]] * 4)
    )
    np.testing.assert_allclose(loss, (-np.log(0.75) - np.log(0.25)) / 2, rtol=1e-6)
    assert has_label.numpy()


def test_head_without_labels_gives_exactly_zero():
    loss, has_label = gender_head().loss(
        tf.constant([-1, -1]), tf.constant([[5.0, 1.0], [0.0, np.inf]])
    )
    assert loss.numpy() == 0.0 and not has_label.numpy()


@pytest.mark.parametrize(
    "weights, present, expected",
    [
        ((1.0, 1.0, 1.0), (True, True, True), 4.0),  # (3 + 5 + 4) / 3
        ((1.0, 1.0, 1.0), (True, True, False), 4.0),  # (3 + 5) / 2
        ((3.0, 1.0, 1.0), (True, True, False), 3.5),  # (3 * 3 + 5) / 4
        ((0.1, 0.1, 0.1), (True, True, True), 4.0),  # equal weights are the mean
        ((1.0, 1.0, 1.0), (False, False, False), 0.0),
    ],
)
def test_the_joint_loss_is_the_weighted_mean_over_heads_with_labels(weights, present, expected):
    losses = [tf.constant(value) for value in (3.0, 5.0, 4.0)]
    joint = mean_over_heads(losses, [tf.constant(flag) for flag in present], weights)
    np.testing.assert_allclose(joint, expected, rtol=1e-6)


def test_weights_come_from_the_hyper_parameters():
    heads = make_heads(HParams(tasks=("age", "gender"), loss_weights=("age=2.5",)))
    assert (heads["age"].weight, heads["gender"].weight) == (2.5, 1.0)


def test_unlabelled_examples_have_no_gradient_even_with_infinite_logits():
    logits = tf.Variable([[0.0, 0.0], [1e30, -1e30]])
    with tf.GradientTape() as tape:
        loss, _ = gender_head().loss(tf.constant([1, -1]), logits)
    # d/dlogits of -log softmax at (0, 0), label 1: (0.5, -0.5)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[0.5, -0.5], [0.0, 0.0]])


ENCODINGS = ("classes", "soft", "regression", "groups:5")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_gradients_are_the_same_with_and_without_rows_that_are_unlabelled_for_a_head(encoding):
    """Rows 4 and 5 have only a race, or an age that no age head can use (0 is in no group)."""
    hparams = HParams(
        tasks=("age", "gender", "race"), age_encoding=encoding, head_units=(8,), max_age=90
    )
    heads, features = (
        make_heads(hparams),
        np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32),
    )
    unusable = 0 if encoding.startswith("groups") else 100
    labels = {
        "age": [30, 5, 62, 44, -1, unusable],
        "gender": [1, 0, 1, 0, -1, -1],
        "race": [0, 1, 4, -1, 2, 2],
    }

    def gradients(task, rows):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.keras.utils.set_random_seed(1)
            logits = build_heads(tf.constant(features[rows]), hparams, heads, is_training=False)
            _, losses = joint_loss(heads, {name: tf.constant(np.array(column)[rows], tf.int32)
                                           for name, column in labels.items()}, logits)  # fmt: skip
            variables = [each for each in tf.compat.v1.trainable_variables() if task in each.name]
            session.run(tf.compat.v1.global_variables_initializer())
            return session.run(tf.gradients(losses[task], variables))

    for task in ("age", "gender"):
        labelled, every = gradients(task, slice(0, 4)), gradients(task, slice(0, 6))
        assert len(labelled) == 4 and all(np.abs(each).max() > 0 for each in labelled)
        for expected, gradient in zip(labelled, every):
            np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-7)
