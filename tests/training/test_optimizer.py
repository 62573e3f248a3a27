"""How weights change, on networks of a few numbers, against numbers worked out by hand."""

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.optimizer import (
    averaging_saver,
    is_backbone_training,
    learning_rate,
    make_train_op,
)

ADAM = 0.1  # the learning rate; with a constant gradient, Adam's first steps are of this size


def rates(steps, **settings):
    hparams = HParams(learning_rate=2.0, **settings)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        return session.run([learning_rate(hparams, tf.constant(step, tf.int64)) for step in steps])


def test_the_rate_rises_in_the_warm_up_and_falls_to_one_percent():
    # Warm-up of 4: 1/4, 2/4, 3/4, 4/4 of the peak; then a cosine over the 10 steps from 4 to 14,
    # half-way at 9.
    got = rates([0, 1, 3, 4, 9, 14], num_steps=14, warmup_steps=4)
    np.testing.assert_allclose(got, [0.5, 1.0, 2.0, 2.0, 2.0 * 0.505, 0.02], rtol=1e-5)


def test_without_warm_up_and_decay_the_rate_is_constant():
    np.testing.assert_allclose(rates([0, 7, 100], num_steps=10, decay="none"), [2.0, 2.0, 2.0])


@pytest.fixture
def train():
    """Trains backbone and head weights [2, 1] from 1; their gradients are (1, 100) and (1, 1)."""

    def run(num_steps, **settings):
        hparams = HParams(learning_rate=ADAM, decay="none", **settings)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.compat.v1.train.get_or_create_global_step()
            backbone = tf.compat.v1.get_variable(
                "backbone/kernel", initializer=tf.ones([2, 1]), use_resource=True
            )
            head = tf.compat.v1.get_variable(
                "head/kernel", initializer=tf.ones([2, 1]), use_resource=True
            )
            loss = tf.reduce_sum(backbone * [[1.0], [100.0]]) + tf.reduce_sum(head)
            op = make_train_op(loss, [], [backbone], hparams)
            session.run(tf.compat.v1.global_variables_initializer())
            history = []
            for _ in range(num_steps):
                session.run(op)
                history.append([float(value[0, 0]) for value in session.run([backbone, head])])
            assert session.run(tf.compat.v1.train.get_global_step()) == num_steps
            names = {each.op.name: session.run(each) for each in tf.compat.v1.global_variables()}
        return np.array(history), names

    return run


def test_every_step_is_one_step_of_adam(train):
    history, _ = train(3)
    np.testing.assert_allclose(history, [[0.9, 0.9], [0.8, 0.8], [0.7, 0.7]], atol=1e-5)


def test_the_backbone_learns_at_its_own_rate(train):
    history, _ = train(2, backbone_rate=0.1)
    np.testing.assert_allclose(history, [[0.99, 0.9], [0.98, 0.8]], atol=1e-5)


def test_a_frozen_backbone_stays_for_the_first_steps_or_for_good(train):
    history, _ = train(3, freeze_steps=2)
    np.testing.assert_allclose(history, [[1.0, 0.9], [1.0, 0.8], [0.9, 0.7]], atol=1e-5)
    history, names = train(2, backbone_rate=0.0)
    np.testing.assert_allclose(history, [[1.0, 0.9], [1.0, 0.8]], atol=1e-5)
    assert not any("backbone/kernel/" in name for name in names)  # nothing is computed for it


def test_weight_decay_shrinks_kernels_beside_the_step(train):
    history, _ = train(1, weight_decay=0.5)
    # 1 - 0.1 = 0.9, less 0.1 * 0.5 of it: 0.855
    np.testing.assert_allclose(history, [[0.855, 0.855]], atol=1e-5)


def test_averages_follow_the_weights(train):
    _, names = train(2, ema=0.5)
    # Decay min(0.5, (1 + step) / (10 + step)): 2/11 after step 1, 3/12 after step 2.
    first = 2 / 11 * 1.0 + 9 / 11 * 0.9
    expected = 3 / 12 * first + 9 / 12 * 0.8
    np.testing.assert_allclose(
        names["head/kernel/ExponentialMovingAverage"], [[expected]] * 2, rtol=1e-5
    )


def test_evaluation_reads_the_averages(tmp_path):
    hparams = HParams(ema=0.9)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        weights = {"w": 1.0, "w/ExponentialMovingAverage": 5.0}
        variables = {
            name: tf.compat.v1.get_variable(name, initializer=value)
            for name, value in weights.items()
        }
        session.run(tf.compat.v1.global_variables_initializer())
        path = tf.compat.v1.train.Saver(variables).save(session, str(tmp_path / "model"))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("w", initializer=0.0)
        averaging_saver(hparams).restore(session, path)
        assert session.run(variable) == 5.0
    assert averaging_saver(HParams()) is None


def test_gradients_are_clipped_together(train):
    """Adam hides the size of gradients above its epsilon of 1e-8; these are scaled below it."""
    history, _ = train(1, clip_norm=1e-8)
    # Norm sqrt(1 + 100^2 + 1 + 1): gradient 1e-10 in place of 1.
    # Adam's first step: g / (g + epsilon / sqrt(1 - 0.999))
    gradient = 1e-8 / np.sqrt(10003)
    step = ADAM * gradient / (gradient + 1e-8 / np.sqrt(1 - 0.999))
    assert 2e-5 < step < 4e-5
    np.testing.assert_allclose(1 - history, [[step, step]], rtol=0.01)


@pytest.mark.parametrize("settings", [{"freeze_batch_norm": True}, {"backbone_rate": 0.0}])
def test_a_backbone_that_is_frozen_keeps_its_statistics(settings):
    assert is_backbone_training(HParams(**settings), True, tf.constant(5)) is False


def test_batch_norm_statistics_move_once_the_backbone_learns():
    assert is_backbone_training(HParams(), True, tf.constant(5)) is True
    assert is_backbone_training(HParams(), False, tf.constant(5)) is False
    hparams = HParams(freeze_steps=3)
    assert [bool(is_backbone_training(hparams, True, tf.constant(step))) for step in (2, 3)] == [
        False,
        True,
    ]
