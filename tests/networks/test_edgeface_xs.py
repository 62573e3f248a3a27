"""EdgeFace-XS against arithmetic by hand and, with the published weights, the published numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.errors import SettingError
from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.networks.edgeface_layers import (
    CrossCovarianceAttention,
    Gelu,
    LayerNorm,
    waves,
)
from age_gender_estimation.networks.edgeface_xs import build_edgeface_xs, from_torch
from age_gender_estimation.networks.network import backbone_config, build_network
from age_gender_estimation.networks.published_weights import (
    load_published_weights,
    variables_by_name,
)
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.hparams import HParams
from tests.conftest import published_weights

PUBLISHED, with_published = published_weights("edgeface_xs.npz")


@pytest.fixture(scope="module")
def model():
    return build_edgeface_xs(112)


def test_the_maps_have_the_published_sizes(model):
    assert model.output_shape == (None, 3 * 3 * 192)
    assert [model.get_layer(f"stages.{n}.blocks.2.gamma").output_shape[1:] for n in range(4)] == [
        (28, 28, 32),
        (14, 14, 64),
        (7, 7, 100),
        (3, 3, 192),
    ]


def test_the_last_block_of_a_stage_divides_the_channels(model):
    # 100 channels in three parts of 34, 34 and 32: the last one is not convolved.
    shapes = [model.get_layer(f"stages.2.blocks.8.convs.{n}").output_shape[-1] for n in range(2)]
    assert shapes == [34, 34]
    assert not any(layer.name == "stages.2.blocks.8.convs.2" for layer in model.layers)
    assert not any(layer.name.startswith("stages.0.blocks.2.convs") for layer in model.layers)


@with_published
def test_the_published_numbers_are_reproduced(model):
    load_published_weights(model, str(PUBLISHED), BACKBONES["edgeface_xs"].convert)
    row, column, channel = np.indices([112, 112, 3])
    image = ((7 * row + 13 * column + 29 * channel) % 256).astype(np.float32)[np.newaxis]
    last_map = tf.keras.Model(model.input, model.get_layer("map").input)
    features = last_map(BACKBONES["edgeface_xs"].standardize(image)).numpy().ravel()
    assert np.linalg.norm(features) == pytest.approx(2.72654, abs=2e-5)
    expected = [-0.08275, 0.03342, 0.03383, 0.05722, -0.07437, 0.02290]
    np.testing.assert_allclose(features[:6], expected, atol=1e-5)
    # The dense layers get each place with the mean 0 and the deviation 1.
    places = model(BACKBONES["edgeface_xs"].standardize(image)).numpy().reshape(9, 192)
    np.testing.assert_allclose(places.mean(1), np.zeros(9), atol=1e-5)
    np.testing.assert_allclose(places.std(1), np.ones(9), atol=1e-2)


def test_arrays_of_pytorch_get_the_names_and_layouts_of_keras():
    convolution = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)  # out, in, height, width
    depthwise = np.arange(6 * 9).reshape(6, 1, 3, 3)
    dense = np.arange(6).reshape(2, 3)
    found = from_torch(
        {
            "stem.0.weight": convolution,
            "stem.1.weight": np.zeros(7),
            "stem.1.bias": np.ones(7),
            "stages.0.blocks.0.conv_dw.weight": depthwise,
            "stages.0.blocks.0.mlp.fc1.weight": dense,
            "stages.0.blocks.0.mlp.fc1.bias": np.ones(2),
            "stages.0.blocks.0.gamma": np.ones(3),
            "stages.1.blocks.2.xca.temperature": np.ones(4),
            "stages.1.blocks.2.pos_embd.token_projection.weight": dense[:, :, None, None],
            "shared/kernel": dense,
        }
    )
    assert found["stem.0/kernel"][3, 4, 2, 1] == convolution[1, 2, 3, 4]
    assert found["stages.0.blocks.0.conv_dw/depthwise_kernel"][1, 2, 5, 0] == depthwise[5, 0, 1, 2]
    assert (found["stages.0.blocks.0.mlp.fc1/kernel"] == dense.T).all()
    assert (found["stages.1.blocks.2.pos_embd.token_projection/kernel"] == dense.T).all()
    assert (found["shared/kernel"] == dense).all()
    assert {"stem.1/gamma", "stem.1/beta", "stages.0.blocks.0.mlp.fc1/bias"} <= set(found)
    assert {"stages.0.blocks.0.gamma/gamma", "stages.1.blocks.2.xca/temperature"} <= set(found)


def test_waves_by_hand():
    # Two rows and one column: the angles of the first wave are pi and 2 pi down, 2 pi across.
    found = waves(2, 1)
    assert found.shape == (2, 64)
    np.testing.assert_allclose(found[:, :2], [[0, -1], [0, 1]], atol=1e-5)
    np.testing.assert_allclose(found[:, 32:34], [[0, 1], [0, 1]], atol=1e-5)
    # The second wave of 16 is 10000^(2 / 32) times as long.
    angle = math.pi / 10000 ** (1 / 16)
    np.testing.assert_allclose(found[0, 2:4], [math.sin(angle), math.cos(angle)], atol=1e-5)


def test_attention_mixes_channels_and_not_places():
    layer = CrossCovarianceAttention()
    tokens, channels = 5, 8  # two channels in each of four heads
    inputs = np.random.default_rng(0).normal(size=[1, tokens, 3 * channels]).astype(np.float32)
    query, key, value = np.split(inputs[0].astype(np.float64), 3, axis=1)
    expected = np.zeros([tokens, channels])
    for head in range(4):
        own = slice(2 * head, 2 * head + 2)
        q, k = (x[:, own] / np.linalg.norm(x[:, own], axis=0) for x in (query, key))
        weights = np.exp(q.T @ k)  # of a channel for a channel
        expected[:, own] = value[:, own] @ (weights / weights.sum(1, keepdims=True)).T
    np.testing.assert_allclose(layer(inputs)[0], expected, atol=1e-5)


def test_the_written_gradients_are_those_of_keras_layers():
    inputs = tf.random.stateless_normal([4, 3, 3, 6], [1, 2])
    upstream = tf.random.stateless_normal([4, 3, 3, 6], [3, 4])
    gain = tf.random.stateless_normal([6], [5, 6])
    own, keras = LayerNorm(), tf.keras.layers.LayerNormalization(epsilon=1e-6)
    found = []
    for layer in (own, keras):
        layer(inputs)  # which makes its variables
        layer.gamma.assign(gain)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        found.append(
            (outputs, *tape.gradient(outputs, [inputs, layer.gamma, layer.beta], upstream))
        )
    for actual, expected in zip(*found):
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_gelu_in_training_is_gelu():
    inputs = tf.linspace(-6.0, 6.0, 101)
    layer, found = Gelu(), []
    for layer.is_training in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        found.append((outputs, tape.gradient(outputs, inputs)))
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    assert float(layer(tf.constant([1.0]))[0]) == pytest.approx(0.8413447, abs=1e-6)  # Phi(1)


def test_a_small_image_is_refused():
    with pytest.raises(SettingError, match="edgeface_xs needs at least 32, got 16"):
        BACKBONES["edgeface_xs"].build(16)


@pytest.mark.slow
def test_the_network_is_built_in_a_graph_with_the_published_names(model):
    hparams = HParams(backbone="edgeface_xs", img_size=32, tasks=("gender",))
    config = backbone_config(hparams)[0]
    with tf.Graph().as_default():
        images = tf.compat.v1.placeholder(tf.float32, [2, 32, 32, 3])
        network = build_network(images, config, hparams, make_heads(hparams), True)
        gradients = tf.gradients(network.logits["gender"], network.backbone_variables)
    assert all(gradient is not None for gradient in gradients)
    names = {variable.op.name for variable in network.backbone_variables}
    assert names == set(variables_by_name(model))
