"""Losses, decoding and metrics against numbers worked out by hand."""

import numpy as np
import tensorflow as tf

from age_gender_estimation.tasks.heads import expected_age, make_heads, mean_of_labelled, mean_over_heads


def test_cross_entropy_of_labelled_examples_and_zero_for_the_others():
    head = make_heads(["gender"], 100)["gender"]
    # softmax(0, ln 3) = (1/4, 3/4): -ln 3/4 for label 1, -ln 1/4 for label 0.
    logits = tf.constant([[0.0, np.log(3.0)]] * 3)
    losses = head.example_losses(tf.constant([1, 0, -1]), logits)
    np.testing.assert_allclose(losses, [-np.log(0.75), -np.log(0.25), 0.0], rtol=1e-6)


def test_age_above_max_age_counts_as_unlabelled():
    head = make_heads(["age"], 2)["age"]
    assert head.num_classes == 3
    assert head.labelled(tf.constant([0, 2, 3, -1])).numpy().tolist() == [True, True, False, False]


def test_mean_of_labelled_divides_by_the_labelled_only():
    # (2 + 4) / 2, the 100 is not labelled.
    assert mean_of_labelled(tf.constant([2.0, 4.0, 100.0]), tf.constant([True, True, False])).numpy() == 3.0


def test_head_without_labels_gives_exactly_zero_and_the_average_is_over_the_others():
    nothing = mean_of_labelled(tf.constant([1.0, 2.0]), tf.constant([False, False]))
    assert nothing.numpy() == 0.0
    joint = mean_over_heads(
        [tf.constant(3.0), tf.constant(5.0), nothing], [tf.constant(True), tf.constant(True), tf.constant(False)]
    )
    assert joint.numpy() == 4.0  # (3 + 5) / 2, not / 3
    assert mean_over_heads([nothing], [tf.constant(False)]).numpy() == 0.0


def test_unlabelled_examples_have_no_gradient_even_with_infinite_logits():
    head = make_heads(["gender"], 100)["gender"]
    logits = tf.Variable([[0.0, 0.0], [1e30, -1e30]])
    with tf.GradientTape() as tape:
        labels = tf.constant([1, -1])
        loss = mean_of_labelled(head.example_losses(labels, logits), head.labelled(labels))
    # d/dlogits of -log softmax at (0, 0), label 1: (0.5, -0.5)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[0.5, -0.5], [0.0, 0.0]])


def test_expected_age_is_the_mean_of_the_distribution():
    # 0.5 * 0 + 0.25 * 1 + 0.25 * 2 = 0.75
    np.testing.assert_allclose(expected_age(tf.constant([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]])), [0.75, 2.0])


def test_streaming_age_metrics_skip_what_is_not_labelled():
    head = make_heads(["age"], 4)["age"]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        probabilities = tf.one_hot([1, 4, 0], 5)  # ages 1, 4 and 0
        labels = tf.constant([2, 2, -1])
        metrics = head.metrics(labels, probabilities, tf.cast(head.labelled(labels), tf.float32))
        session.run(tf.compat.v1.local_variables_initializer())
        session.run([update for _, update in metrics.values()])
        values = session.run({name: value for name, (value, _) in metrics.items()})
    # errors 1 and 2: MAE 1.5, RMSE sqrt((1 + 4) / 2)
    np.testing.assert_allclose(values["age_mae"], 1.5)
    np.testing.assert_allclose(values["age_rmse"], np.sqrt(2.5), rtol=1e-6)
    assert values["age_accuracy"] == 0.0
