"""model_fn as a whole: a frozen backbone keeps its weights and its batch-norm statistics."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.networks.backbones import BACKBONES, Backbone, unchanged
from age_gender_estimation.networks.network import backbone_config
from age_gender_estimation.training.estimator import model_fn
from age_gender_estimation.training.hparams import HParams

HPARAMS = HParams(tasks=("age",), backbone="cnn", img_size=32, head_units=(4,), decay="none")


def build_tiny(img_size, weights=None):
    """A backbone of one convolution and its batch-norm."""
    layers = tf.keras.layers
    inputs = layers.Input([img_size, img_size, 3])
    features = layers.Conv2D(4, 3, use_bias=False, name="conv_1")(inputs)
    features = layers.BatchNormalization(name="conv_1_bn")(features)
    return tf.keras.Model(inputs, layers.GlobalAveragePooling2D()(features))


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setitem(BACKBONES, "cnn", Backbone(build_tiny, unchanged))
    return backbone_config(HPARAMS)[0]


def after_each_step(config, num_steps, **settings):
    """Returns [{variable: value}] before the first and after each step of training on noise."""
    hparams = dataclasses.replace(HPARAMS, **settings)
    noise = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.train.get_or_create_global_step()
        spec = model_fn(
            {"image": tf.constant(noise)},
            {"age": tf.constant([3, 30, 60, -1])},
            tf.estimator.ModeKeys.TRAIN,
            {"hparams": hparams, "backbone": config, "start": None, "calibration": None},
        )
        session.run(tf.compat.v1.global_variables_initializer())
        variables = {each.op.name: each for each in tf.compat.v1.global_variables()}
        history = [session.run(variables)]
        for _ in range(num_steps):
            session.run(spec.train_op)
            history.append(session.run(variables))
    return history


def changed(before, after, part):
    names = [name for name in before if part in name and "Adam" not in name]
    assert names
    return [name for name in names if not np.array_equal(before[name], after[name])]


def test_a_frozen_backbone_keeps_weights_and_statistics_for_freeze_steps(config):
    start, frozen, learnt = after_each_step(config, 2, freeze_steps=1)
    assert not changed(start, frozen, "conv") and changed(start, frozen, "age_")
    assert changed(frozen, learnt, "conv_1/kernel") and changed(
        frozen, learnt, "conv_1_bn/moving_mean"
    )


@pytest.mark.parametrize(
    "settings, learns", [({"backbone_rate": 0.0}, False), ({"freeze_batch_norm": True}, True)]
)
def test_statistics_stay_where_they_are_to_be_kept(config, settings, learns):
    start, after = after_each_step(config, 1, **settings)
    assert not changed(start, after, "moving_") and changed(start, after, "age_")
    assert bool(changed(start, after, "conv_1/kernel")) is learns
