"""MobileFaceNet against arithmetic by hand and, with the published weights, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.errors import InputError
from age_gender_estimation.networks.backbones import BACKBONES, to_insightface_range
from age_gender_estimation.networks.mobile_facenet import (
    PReLU,
    build_embedding,
    build_mobile_facenet,
)
from age_gender_estimation.networks.network import backbone_config, build_network
from age_gender_estimation.networks.published_weights import (
    load_published_weights,
    variables_by_name,
)
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.hparams import HParams
from tests.conftest import published_weights

PUBLISHED, with_published = published_weights("mobilefacenet_ms1m.npz")


@pytest.fixture(scope="module")
def embedding():
    return build_embedding()


@pytest.fixture(scope="module")
def small():
    return build_mobile_facenet(16)


def published_shapes():
    """The arrays of the published file, from its description: name -> shape."""
    shapes = {}

    def add(name, kernel, channels, has_slopes=True, variable="kernel"):
        shapes[f"{name}/{variable}"] = kernel
        shapes.update(
            {f"{name}_bn/{part}": (channels,) for part in ("gamma", "beta", "mean", "var")}
        )
        if has_slopes:
            shapes[f"{name}_prelu/alpha"] = (channels,)

    def add_bottleneck(name, channels, inside, outside):
        add(f"{name}_conv_sep", (1, 1, channels, inside), inside)
        add(f"{name}_conv_dw", (3, 3, inside, 1), inside, variable="depthwise_kernel")
        add(f"{name}_conv_proj", (1, 1, inside, outside), outside, has_slopes=False)

    add("conv_1", (3, 3, 3, 64), 64)
    add("conv_2_dw", (3, 3, 64, 1), 64, variable="depthwise_kernel")
    add_bottleneck("dconv_23", 64, 128, 64)
    for number in range(4):
        add_bottleneck(f"res_3_block{number}", 64, 128, 64)
    add_bottleneck("dconv_34", 64, 256, 128)
    for number in range(6):
        add_bottleneck(f"res_4_block{number}", 128, 256, 128)
    add_bottleneck("dconv_45", 128, 512, 128)
    for number in range(2):
        add_bottleneck(f"res_5_block{number}", 128, 256, 128)
    add("conv_6sep", (1, 1, 128, 512), 512)
    add("conv_6dw7_7", (7, 7, 512, 1), 512, has_slopes=False, variable="depthwise_kernel")
    shapes.update({"fc1/kernel": (512, 128), "fc1/bias": (128,)})
    shapes.update({f"fc1_bn/{part}": (128,) for part in ("beta", "mean", "var")})
    return shapes


def test_variables_have_the_published_names_and_shapes(embedding):
    expected = published_shapes()
    assert len(expected) == 283 and sum(np.prod(shape) for shape in expected.values()) == 1_022_720
    short = {
        name.replace("moving_mean", "mean").replace("moving_variance", "var"): tuple(variable.shape)
        for name, variable in variables_by_name(embedding).items()
    }
    # Keras' slopes are [1, 1, channels].
    assert short == {
        name: (1, 1, *shape) if "prelu" in name else shape for name, shape in expected.items()
    }


def test_features_end_before_the_embedding(embedding):
    backbone = BACKBONES["mobile_facenet"].build(112)
    # fc1 has 512*128 + 128, its batch-norm three arrays of 128
    assert backbone.count_params() == 1_022_720 - (512 * 128 + 128) - 3 * 128
    assert backbone.output_shape == (None, 512) and embedding.output_shape == (None, 128)
    assert len(backbone.layers) == len(embedding.layers) - 2


# The feature map is halved four times, rounded up: 33 -> 17 -> 9 -> 5 -> 3.
@pytest.mark.parametrize("img_size, last", [(16, 1), (33, 3), (97, 7)])
def test_any_image_size_gives_512_features(img_size, last):
    model = build_mobile_facenet(img_size)
    assert model.output_shape == (None, 512)
    assert model.get_layer("conv_6dw7_7").depthwise_kernel.shape == (last, last, 512, 1)


def test_stride_2_is_padded_on_every_side(small):
    layer = small.get_layer("conv_1")
    layer.set_weights([np.ones([3, 3, 3, 64])])
    sums = tf.keras.Model(small.input, layer.output)(tf.ones([1, 16, 16, 3])).numpy()[0, :, :, 0]
    # Top and left see one row or column of zeros: 2x2x3, 2x3x3 and 3x3x3 ones. SAME would begin
    # with 27 and end with 12.
    assert (
        sums.shape == (8, 8)
        and sums[0, 0] == 12
        and sums[0, 1] == sums[1, 0] == 18
        and (sums[1:, 1:] == 27).all()
    )


# x < 0: slope * -2; x > 0: 3. max(x, slope * x) would be -2 for the second; the slope of a leaky
# ReLU is positive.
@pytest.mark.parametrize("slope, expected", [(-0.5, [1, 3]), (2.0, [-4, 3])])
def test_slopes_of_prelu_may_be_negative_or_above_1(small, slope, expected):
    prelu = small.get_layer("conv_1_prelu")
    prelu.set_weights([np.full([1, 1, 64], slope)])
    values = np.repeat(np.array([-2.0, 3.0], np.float32).reshape(1, 1, 2, 1), 64, axis=3)
    np.testing.assert_allclose(prelu(values)[0, 0, :, 0], expected)


def test_only_bottlenecks_of_stride_1_are_residual(small):
    assert sum(isinstance(layer, tf.keras.layers.Add) for layer in small.layers) == 4 + 6 + 2


def test_projections_and_features_are_linear(small):
    names = {layer.name for layer in small.layers}
    assert not [name for name in names if "proj_prelu" in name] and "conv_6dw7_7_prelu" not in names


def test_batch_norm_has_the_published_epsilon_and_moves_fast(embedding):
    norms = [
        layer for layer in embedding.layers if isinstance(layer, tf.keras.layers.BatchNormalization)
    ]
    # two, three in each bottleneck, and conv_6sep, conv_6dw7_7, fc1
    assert (
        len(norms) == 2 + 3 * (3 + 4 + 6 + 2) + 3 and max(layer.momentum for layer in norms) <= 0.95
    )
    assert {layer.name: layer.epsilon for layer in norms if layer.epsilon != 1e-3} == {
        "fc1_bn": 2e-5
    }


def test_standardize_by_hand():
    np.testing.assert_allclose(
        to_insightface_range(np.array([0.0, 127.5, 255.0])), [-0.99609375, 0, 0.99609375]
    )


def reference_embeddings(images, arrays):
    """The published network in NumPy, float64: uint8 [batch, 112, 112, 3] -> [batch, 128]."""
    arrays = {name: array.astype(np.float64) for name, array in arrays.items()}

    def norm(x, name, epsilon=1e-3):
        scaled = (x - arrays[f"{name}/mean"]) / np.sqrt(arrays[f"{name}/var"] + epsilon)
        return scaled * arrays.get(f"{name}/gamma", 1.0) + arrays[f"{name}/beta"]

    def convolve(x, name, stride=1, padding=0):
        is_depthwise = f"{name}/depthwise_kernel" in arrays
        kernel = (
            arrays[f"{name}/depthwise_kernel"][..., 0] if is_depthwise else arrays[f"{name}/kernel"]
        )
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        size, out = len(kernel), (x.shape[1] - len(kernel)) // stride + 1
        total = 0.0
        for row in range(size):
            for column in range(size):
                part = x[
                    :, row : row + stride * out : stride, column : column + stride * out : stride
                ][:, :out, :out]
                total = total + (
                    part * kernel[row, column] if is_depthwise else part @ kernel[row, column]
                )
        total = norm(total, f"{name}_bn")
        slopes = arrays.get(f"{name}_prelu/alpha", 1.0)
        return np.where(total > 0, total, slopes * total)

    def bottleneck(x, name, stride=1):
        x = convolve(convolve(x, f"{name}_conv_sep"), f"{name}_conv_dw", stride, padding=1)
        return convolve(x, f"{name}_conv_proj")

    x = (images.astype(np.float64) - 127.5) * 0.0078125
    x = convolve(convolve(x, "conv_1", 2, padding=1), "conv_2_dw", padding=1)
    for reduction, blocks, count in (
        ("dconv_23", "res_3", 4),
        ("dconv_34", "res_4", 6),
        ("dconv_45", "res_5", 2),
    ):
        x = bottleneck(x, reduction, stride=2)
        for number in range(count):
            x = x + bottleneck(x, f"{blocks}_block{number}")
    features = convolve(convolve(x, "conv_6sep"), "conv_6dw7_7").reshape(len(images), 512)
    return norm(features @ arrays["fc1/kernel"] + arrays["fc1/bias"], "fc1_bn", 2e-5)


@with_published
def test_published_embeddings_are_reproduced(embedding):
    generator = np.random.default_rng(0)
    faces = [draw_face(age, age % 2, generator, 112) for age in (7, 40)]
    images = np.stack([*faces, generator.integers(0, 256, [112, 112, 3], np.uint8)])
    load_published_weights(embedding, str(PUBLISHED))
    expected = reference_embeddings(images, np.load(PUBLISHED))
    assert 3 < np.linalg.norm(expected, axis=1).min()  # zeros would agree with anything
    actual = embedding(to_insightface_range(images.astype(np.float32)), training=False)
    np.testing.assert_allclose(actual, expected, atol=1e-5)


@with_published
def test_published_weights_of_another_image_size_name_the_array_that_does_not_fit(small):
    with pytest.raises(InputError) as error:
        load_published_weights(small, str(PUBLISHED))
    assert str(error.value).endswith(
        "1 of 278 arrays do not fit: "
        "conv_6dw7_7/depthwise_kernel (1, 1, 512, 1): found (7, 7, 512, 1)"
    )


def test_slopes_in_training_are_those_of_keras_with_their_gradients():
    """Of equal bits: the export predicts as the trained model does. Slopes may be negative."""
    inputs = tf.random.stateless_normal([3, 4, 4, 6], [1, 2])
    upstream = tf.random.stateless_normal([3, 4, 4, 6], [3, 4])
    slow, fast = (
        PReLU(tf.constant_initializer([0.25, -1.5, 0.0, 1.0, 2.0, -0.1]), shared_axes=[1, 2])
        for _ in range(2)
    )
    fast.is_training = True
    found = []
    for layer in (slow, fast):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        found.append((outputs, *tape.gradient(outputs, [inputs, layer.alpha], upstream)))
    np.testing.assert_array_equal(found[1][0], found[0][0])
    np.testing.assert_array_equal(found[1][1], found[0][1])
    np.testing.assert_allclose(found[1][2], found[0][2], rtol=1e-5)
    # By hand: a channel's slope collects upstream times input where the input is below 0.
    expected = np.where(inputs < 0, inputs * upstream, 0).sum((0, 1, 2))
    np.testing.assert_allclose(tf.reshape(found[1][2], [6]), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("is_training", [False, True])
def test_only_a_training_takes_the_slopes_in_fewer_passes(is_training):
    hparams = HParams(backbone="mobile_facenet", img_size=16, tasks=("gender",))
    config = backbone_config(hparams)[0]
    with tf.Graph().as_default() as graph:
        images = tf.compat.v1.placeholder(tf.float32, [2, 16, 16, 3], name="images")
        network = build_network(
            images, config, hparams, make_heads(hparams), is_training, is_backbone_training=False
        )
        gradients = tf.gradients(network.logits["gender"], network.backbone_variables[:1])
    assert gradients[0] is not None
    # What checkpoints and exports call the slopes.
    names = [
        variable.op.name for variable in network.backbone_variables if "alpha" in variable.op.name
    ]
    assert names == [
        f"{layer['config']['name']}/alpha"
        for layer in config["layers"]
        if layer["class_name"] == "PReLU"
    ]
    assert len(set(names)) == 33
    assert (
        any(operation.type.startswith("Select") for operation in graph.get_operations())
        == is_training
    )
