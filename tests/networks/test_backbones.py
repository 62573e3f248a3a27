import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.networks.backbones import (
    BACKBONES,
    subtract_imagenet_mean,
    to_unit_range,
)

# Parameters without the classifier. cnn at 224 px: 5*5*3*32+32, 5*5*32*64+64, 5*5*64*128+128 and
# 28*28*128*1024+1024;
# the others as Keras' documentation and the published models have them.
PARAMETERS = {
    "cnn": 2_432 + 51_264 + 204_928 + 102_761_472,
    "mobilenet_v2": 2_257_984,
    "mobilenet_v3_small": 939_120,
    "mobilenet_v3_large": 2_996_352,
    "resnet50": 23_587_712,
    "efficientnet_b0": 4_049_571,
    "efficientnet_b1": 6_575_239,
    "efficientnet_b2": 7_768_569,
    "efficientnet_b3": 10_783_535,
    "efficientnet_b4": 17_673_823,
    "efficientnet_b5": 28_513_527,
    "efficientnet_b6": 40_960_143,
    "efficientnet_b7": 64_097_687,
    "inception_resnet_v1": 22_578_384,
    "mobile_facenet": 956_672,
    "edgeface_xs": 2_143_420,
}
# Where the size of the image decides the number of parameters, or 64 px is too small.
IMG_SIZES = {"cnn": 224, "inception_resnet_v1": 75, "mobile_facenet": 112, "edgeface_xs": 112}


def test_every_backbone_is_listed():
    assert set(PARAMETERS) == set(BACKBONES)


# Of the eight EfficientNets, which take seconds each to build, the first and the last.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name.endswith("b7") else [])
        for name in PARAMETERS
        if name[-2:] not in ("b1", "b2", "b3", "b4", "b5", "b6")
    ],
)
def test_backbone_has_the_published_size(name):
    model = BACKBONES[name].build(IMG_SIZES.get(name, 64))
    assert model.count_params() == PARAMETERS[name] and len(model.output_shape) == 2


def test_standardize_by_hand():
    image = tf.constant([[[[0.0, 127.5, 255.0]]]])
    np.testing.assert_allclose(to_unit_range(image)[0, 0, 0], [-1, 0, 1])
    np.testing.assert_allclose(
        subtract_imagenet_mean(image)[0, 0, 0], [255 - 103.939, 127.5 - 116.779, -123.68], rtol=1e-6
    )


def test_cnn_standardizes_each_image_to_mean_0_and_deviation_1():
    image = tf.random.stateless_uniform([1, 8, 8, 3], [0, 0], 0, 255)
    result = BACKBONES["cnn"].standardize(image).numpy()
    assert abs(result.mean()) < 1e-5 and abs(result.std() - 1) < 1e-3
