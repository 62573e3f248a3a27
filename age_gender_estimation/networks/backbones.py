"""The shared networks: images in [0, 255] -> features.

Images are float32 [batch, size, size, 3], features float32 [batch, units]. A backbone is a Keras
functional model and the function that scales its input. TensorFlow loads when one is built, so that
flags and hyper-parameters can check the names at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from age_gender_estimation.errors import SettingError

IMAGENET_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # BGR


@dataclass(frozen=True)
class Backbone:
    """A network and what it needs to know about its input.

    Attributes:
      build: (img_size, weights: None or "imagenet") -> tf.keras.Model.
      standardize: float32 images in [0, 255] -> the model's input.
      has_imagenet: whether Keras can download ImageNet weights for it.
      convert: arrays of a file of published weights -> arrays with Keras' names and layouts.
    """

    build: Callable[..., Any]
    standardize: Callable[[Any], Any]
    has_imagenet: bool = True
    convert: Callable[[Any], Any] = lambda arrays: arrays


def to_unit_range(images):
    """[0, 255] -> [-1, 1]."""
    return images / 127.5 - 1.0


def to_insightface_range(images):
    """[0, 255] -> [-1, 1], with InsightFace's rounded 1 / 128."""
    return (images - 127.5) * 0.0078125


def subtract_imagenet_mean(images):
    """RGB in [0, 255] -> BGR minus ImageNet's mean, as the Caffe weights of ResNet-50 expect it."""
    return images[..., ::-1] - IMAGENET_MEAN


def standardize_each(images):
    """Scales each image to mean 0 and standard deviation 1."""
    import tensorflow as tf

    return tf.image.per_image_standardization(images)


def unchanged(images):
    """For networks that scale their input themselves."""
    return images


def build_cnn(img_size: int, weights: str | None = None):
    """Builds the network of the IMDB-WIKI article: three blocks of 5x5 convolutions, 1024 units.

    It has 103 M parameters at 224 px.

    Raises:
      SettingError: img_size is too small.
    """
    if img_size < 8:  # halved three times
        raise SettingError(f"--img-size: cnn needs at least 8, got {img_size}")
    import tensorflow as tf

    layers = tf.keras.layers
    inputs = layers.Input([img_size, img_size, 3])
    features = inputs
    # The names that Keras gives in a fresh process: published weights are matched by name.
    for name, filters, dropout in (
        ("conv2d", 32, 0.2),
        ("conv2d_1", 64, 0.4),
        ("conv2d_2", 128, 0.7),
    ):
        features = layers.Conv2D(filters, 5, padding="same", activation="relu", name=name)(features)
        features = layers.MaxPooling2D(2)(features)
        features = layers.Dropout(dropout)(features)
    features = layers.Dense(1024, activation="relu", name="dense")(layers.Flatten()(features))
    return tf.keras.Model(inputs, layers.Dropout(0.4)(features), name="cnn")


def _build_inception_resnet_v1(img_size, weights=None):
    from age_gender_estimation.networks.inception_resnet_v1 import build_inception_resnet_v1

    return build_inception_resnet_v1(img_size)


def _build_mobile_facenet(img_size, weights=None):
    from age_gender_estimation.networks.mobile_facenet import build_mobile_facenet

    return build_mobile_facenet(img_size)


def _build_edgeface_xs(img_size, weights=None):
    from age_gender_estimation.networks.edgeface_xs import build_edgeface_xs

    return build_edgeface_xs(img_size)


def _convert_edgeface_xs(arrays):
    from age_gender_estimation.networks.edgeface_xs import from_torch

    return from_torch(arrays)


def _keras(name, **options):
    def build(img_size, weights=None):
        import tensorflow as tf

        model = getattr(tf.keras.applications, name)(
            include_top=False,
            weights=weights,
            input_shape=(img_size, img_size, 3),
            pooling="avg",
            **options,
        )
        for layer in model.layers:
            # With Keras' 0.99 and 0.999, the statistics are wrong for thousands of steps.
            if isinstance(layer, tf.keras.layers.BatchNormalization):
                layer.momentum = min(layer.momentum, 0.95)
        return model

    return build


BACKBONES = {
    "cnn": Backbone(build_cnn, standardize_each, has_imagenet=False),
    # Sandler et al., CVPR 2018.
    "mobilenet_v2": Backbone(_keras("MobileNetV2"), to_unit_range),
    # Howard et al., ICCV 2019.
    "mobilenet_v3_small": Backbone(
        _keras("MobileNetV3Small", include_preprocessing=False), to_unit_range
    ),
    "mobilenet_v3_large": Backbone(
        _keras("MobileNetV3Large", include_preprocessing=False), to_unit_range
    ),
    # He et al., CVPR 2016.
    "resnet50": Backbone(_keras("ResNet50"), subtract_imagenet_mean),
    # Tan and Le, ICML 2019.
    **{f"efficientnet_b{n}": Backbone(_keras(f"EfficientNetB{n}"), unchanged) for n in range(8)},
    "inception_resnet_v1": Backbone(
        _build_inception_resnet_v1, standardize_each, has_imagenet=False
    ),
    "mobile_facenet": Backbone(_build_mobile_facenet, to_insightface_range, has_imagenet=False),
    "edgeface_xs": Backbone(
        _build_edgeface_xs, to_unit_range, has_imagenet=False, convert=_convert_edgeface_xs
    ),
}
