"""Heads and what wraps the backbone; whole trainings are in training/test_train.py."""

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.errors import SettingError
from age_gender_estimation.networks.network import (
    backbone_config,
    build_heads,
    build_network,
    write_start,
)
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.hparams import HParams

FEATURES = np.random.default_rng(0).normal(size=[6, 5]).astype(np.float32)


def run_heads(is_training=False, **settings):
    """Returns ({task: logits}, {variable name: shape}) of heads on FEATURES, from one seed."""
    hparams = HParams(tasks=("gender", "race"), **settings)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.keras.utils.set_random_seed(1)
        heads = make_heads(hparams)
        logits = build_heads(tf.constant(FEATURES), hparams, heads, is_training)
        session.run(tf.compat.v1.global_variables_initializer())
        variables = {
            variable.op.name: tuple(variable.shape) for variable in tf.compat.v1.global_variables()
        }
        return session.run(logits), variables


def test_heads_have_a_hidden_layer_with_the_names_of_older_checkpoints():
    logits, variables = run_heads()
    assert {name: value.shape for name, value in logits.items()} == {
        "gender": (6, 2),
        "race": (6, 5),
    }
    assert variables == {
        "gender_hidden/kernel": (5, 1024),
        "gender_hidden/bias": (1024,),
        "gender_logits/kernel": (1024, 2),
        "gender_logits/bias": (2,),
        "race_hidden/kernel": (5, 1024),
        "race_hidden/bias": (1024,),
        "race_logits/kernel": (1024, 5),
        "race_logits/bias": (5,),
    }


def test_dense_units_are_shared_and_head_units_are_each_heads_own():
    _, variables = run_heads(dense_units=(7, 6), head_units=(4, 3))
    kernels = {
        name.removesuffix("/kernel"): shape
        for name, shape in variables.items()
        if name.endswith("kernel")
    }
    assert kernels == {
        "shared": (5, 7),
        "shared_2": (7, 6),
        "gender_hidden": (6, 4),
        "gender_hidden_2": (4, 3),
        "gender_logits": (3, 2),
        "race_hidden": (6, 4),
        "race_hidden_2": (4, 3),
        "race_logits": (3, 5),
    }
    _, variables = run_heads(head_units=())
    assert variables["gender_logits/kernel"] == (5, 2) and len(variables) == 4


def set_kernels_to_1(session):
    """...and biases to 0."""
    for variable in tf.compat.v1.global_variables():
        session.run(variable.assign(tf.fill(variable.shape, float("kernel" in variable.name))))


@pytest.mark.parametrize("activation, slope", [("relu", 0.0), ("leaky_relu", 0.2)])
@pytest.mark.parametrize("units", [{"dense_units": (1,), "head_units": ()}, {"head_units": (1,)}])
def test_every_dense_layer_has_the_activation(activation, slope, units):
    hparams = HParams(tasks=("gender",), activation=activation, **units)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        logits = build_heads(tf.constant([[-3.0], [3.0]]), hparams, make_heads(hparams), False)[
            "gender"
        ]
        set_kernels_to_1(session)
        values = session.run(logits)
    np.testing.assert_allclose(values, [[-3 * slope] * 2, [3, 3]], rtol=1e-6)


def test_dropout_acts_on_each_heads_inputs_in_training_only():
    hparams = HParams(tasks=("gender", "race"), head_units=(), dropout=0.5)
    results = {}
    for is_training in (False, True):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            tf.compat.v1.set_random_seed(0)
            logits = build_heads(tf.ones([1, 1000]), hparams, make_heads(hparams), is_training)
            set_kernels_to_1(session)
            results[is_training] = [session.run(logits)[name][0, 0] for name in ("gender", "race")]
    assert results[False] == [1000, 1000]
    # Half of the 1000 inputs, twice as large: 1000 with a deviation of 2 * sqrt(1000 / 4) = 32,
    # drawn for each head.
    gender, race = results[True]
    assert gender != race and all(840 < value < 1160 and value != 1000 for value in (gender, race))


def test_heads_without_dropout_are_the_same_in_training():
    np.testing.assert_array_equal(run_heads(is_training=True)[0]["race"], run_heads()[0]["race"])


def build(hparams, config, is_training, is_backbone_training=None):
    """build_network on four random pictures, in the default graph."""
    images = np.random.default_rng(0).uniform(0, 255, [4, hparams.img_size, hparams.img_size, 3])
    heads = make_heads(hparams)
    return build_network(
        tf.constant(images.astype(np.float32)),
        config,
        hparams,
        heads,
        is_training,
        is_backbone_training,
    )


def initialize(session, network):
    """Runs all initializers, then sets batch-norm statistics to 0.7, which any update changes.

    Returns:
      The statistics, a list of variables.
    """
    moving = [variable for variable in network.backbone_variables if "moving_" in variable.op.name]
    session.run(tf.compat.v1.global_variables_initializer())
    session.run([variable.assign(tf.fill(variable.shape, 0.7)) for variable in moving])
    return moving


@pytest.fixture(scope="module", params=["mobile_facenet", "mobilenet_v2"])
def backbone(request):
    """(HParams, Keras config)"""
    hparams = HParams(tasks=("gender",), backbone=request.param, img_size=32, head_units=(64,))
    return hparams, backbone_config(hparams)[0]


@pytest.mark.slow
def test_a_tensor_freezes_and_moves_the_statistics_of_the_backbone(backbone):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        is_backbone_training = tf.compat.v1.placeholder(tf.bool, [])
        network = build(*backbone, True, is_backbone_training)
        moving = initialize(session, network)
        assert len(network.updates) == len(moving) >= 2 * 49
        outputs = [network.logits["gender"], network.updates]
        frozen_logits, _ = session.run(outputs, {is_backbone_training: False})
        assert all((value == np.float32(0.7)).all() for value in session.run(moving))
        moved_logits, _ = session.run(outputs, {is_backbone_training: True})
        assert all((value != np.float32(0.7)).any() for value in session.run(moving))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        network = build(*backbone, False)
        initialize(session, network)
        expected = session.run(network.logits["gender"])
        in_backbone = {variable.op.name for variable in network.backbone_variables}
        every = {variable.op.name for variable in tf.compat.v1.global_variables()}
    # Frozen, the backbone normalizes with its statistics as in evaluation, not with the batch's.
    np.testing.assert_allclose(frozen_logits, expected, rtol=1e-3)
    assert np.abs(frozen_logits - moved_logits).max() > 0.01
    assert network.updates == []
    heads = {
        f"gender_{layer}/{part}" for layer in ("hidden", "logits") for part in ("kernel", "bias")
    }
    assert every - in_backbone == heads and in_backbone < every


def test_seed_decides_the_initial_weights_of_backbone_and_heads():
    def start(seed):
        hparams = HParams(tasks=("gender",), backbone="cnn", img_size=8, head_units=(4,), seed=seed)
        config = backbone_config(hparams)[0]
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            build(hparams, config, True)
            kernels = [
                item for item in tf.compat.v1.global_variables() if item.op.name.endswith("kernel")
            ]
            session.run(tf.compat.v1.global_variables_initializer())
            return session.run(kernels)

    first, again, other = start(0), start(0), start(1)
    assert len(first) == 4 + 2 and all((one == two).all() for one, two in zip(first, again))
    assert all((one != two).any() for one, two in zip(first, other))


def test_imagenet_weights_are_refused_for_networks_that_have_none(tmp_path):
    for name in ("cnn", "mobile_facenet", "inception_resnet_v1"):
        with pytest.raises(
            SettingError, match=f"Keras has no ImageNet weights for {name}; use none or a file"
        ):
            write_start(HParams(backbone=name, weights="imagenet"), str(tmp_path / "start"))


def test_the_backbone_sees_the_border_that_is_asked_for():
    images = tf.constant(
        np.random.default_rng(1).uniform(0, 255, [2, 10, 10, 3]).astype(np.float32)
    )
    mirrored = tf.pad(images, [[0, 0], [2, 0], [1, 1], [0, 0]], "SYMMETRIC")
    logits = []
    for seen, size, border in ((images, 10, (2, 0, 1, 1)), (mirrored, 12, ())):
        hparams = HParams(tasks=("gender",), backbone="cnn", img_size=size, mirror_border=border)
        config, _ = backbone_config(hparams)
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            network = build_network(
                tf.constant(seen.numpy()), config, hparams, make_heads(hparams), False
            )
            session.run(tf.compat.v1.global_variables_initializer())
            logits.append(session.run(network.logits["gender"]))
    np.testing.assert_array_equal(*logits)
