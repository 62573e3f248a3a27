import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.errors import SettingError
from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.networks.published_weights import variables_by_name

layers = tf.keras.layers


@pytest.fixture(scope="module")
def model():
    return BACKBONES["inception_resnet_v1"].build(75)


def test_parameters_are_those_of_facenet_without_its_bottleneck(model):
    # facenet_keras has 22,808,144: its bottleneck is a 1792x128 matrix, its last batch-norm has
    # beta, mean and variance.
    assert model.count_params() == 22_808_144 - 1792 * 128 - 3 * 128
    assert model.output_shape == (None, 1792)


def test_variables_have_facenets_names(model):
    names = set(variables_by_name(model))
    assert {
        "Conv2d_1a_3x3/kernel",
        "Conv2d_4b_3x3_BatchNorm/moving_variance",
        "Block35_5_Branch_2_Conv2d_0c_3x3/kernel",
        "Block35_1_Conv2d_1x1/bias",
        "Mixed_6a_Branch_1_Conv2d_0b_3x3_BatchNorm/beta",
        "Block17_10_Branch_1_Conv2d_0b_1x7/kernel",
        "Mixed_7a_Branch_2_Conv2d_1a_3x3/kernel",
        "Block8_6_Branch_1_Conv2d_0c_3x1/kernel",
    } < names
    # Convolutions: 6 in the stem; 6 + 1, 4 + 1 and 4 + 1 in each residual block; 4 and 7 in the
    # reductions. Only the last of a block, which projects its channels, has biases; all others have
    # a batch-norm without gamma.
    num_blocks = 5 + 10 + 6
    num_normed = 6 + 5 * 6 + 10 * 4 + 6 * 4 + 4 + 7
    assert len(names) == num_normed * (1 + 3) + num_blocks * 2
    assert not [name for name in names if name.endswith("gamma")]
    assert len([name for name in names if name.endswith("bias")]) == num_blocks


def test_kernels_have_the_size_their_name_says(model):
    shapes = {name: tuple(variable.shape) for name, variable in variables_by_name(model).items()}
    assert shapes["Block17_1_Branch_1_Conv2d_0b_1x7/kernel"] == (1, 7, 128, 128)
    assert shapes["Block8_1_Branch_1_Conv2d_0c_3x1/kernel"] == (3, 1, 192, 192)
    assert shapes["Block35_1_Conv2d_1x1/kernel"] == (1, 1, 96, 256)


@pytest.mark.parametrize(
    "block, scale, before",
    [("Block35_1", 0.17, "Conv2d_4b_3x3_Activation"), ("Block17_1", 0.10, "Mixed_6a")],
)
def test_residuals_are_scaled(model, block, scale, before):
    block_input = model.get_layer(before).output
    up = model.get_layer(f"{block}_Conv2d_1x1")
    up.set_weights([np.zeros(up.kernel.shape), np.ones(up.bias.shape)])
    part = tf.keras.Model(block_input, model.get_layer(f"{block}_Activation").output)
    # relu(2 + scale * 1)
    result = part(tf.fill([1, *block_input.shape[1:]], 2.0))
    np.testing.assert_allclose(result, np.full(result.shape, 2 + scale), rtol=1e-6)


def test_scales_of_all_blocks(model):
    scales = [layer.scale for layer in model.layers if isinstance(layer, layers.Rescaling)]
    assert scales == [0.17] * 5 + [0.10] * 10 + [0.20] * 5 + [1.0]
    names = {layer.name for layer in model.layers}
    assert "Block8_5_Activation" in names and "Block8_6_Activation" not in names


def test_batch_norm_has_the_published_epsilon_and_moves_fast(model):
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    assert {layer.epsilon for layer in norms} == {1e-3} and max(
        layer.momentum for layer in norms
    ) <= 0.95


def test_images_that_are_too_small_are_refused():
    with pytest.raises(
        SettingError, match="--img-size: inception_resnet_v1 needs at least 75, got 74"
    ):
        BACKBONES["inception_resnet_v1"].build(74)


def test_each_image_is_standardized_by_itself():
    images = np.random.default_rng(0).uniform(0, 255, [2, 8, 8, 3]).astype(np.float32)
    # FaceNet's prewhitening: (x - mean) / max(deviation, 1 / sqrt(number of values)); a flat image
    # has no deviation.
    images[1] = 9.0
    result = BACKBONES["inception_resnet_v1"].standardize(images).numpy()
    np.testing.assert_allclose(
        result[0], (images[0] - images[0].mean()) / images[0].std(), atol=1e-5
    )
    assert (result[1] == 0).all()
