"""The shared networks: float32 [batch, size, size, 3] in [0, 255] -> features float32 [batch, units].

A backbone is a Keras functional model and the standardize function that its input wants.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from age_gender_estimation.errors import SettingError
from age_gender_estimation.networks import mobile_facenet
from age_gender_estimation.networks.inception_resnet_v1 import build_inception_resnet_v1

applications = tf.keras.applications
layers = tf.keras.layers


@dataclass(frozen=True)
class Backbone:
    """A network and what it needs to know of its input.

    Attributes:
      build: (img_size, weights: None or "imagenet") -> Keras model.
      standardize: float32 images in [0, 255] -> the model's input.
      has_imagenet: whether Keras has weights of it to download.
    """

    build: Callable
    standardize: Callable
    has_imagenet: bool = True


def to_unit_range(images):
    """[0, 255] -> [-1, 1]."""
    return images / 127.5 - 1.0


def subtract_imagenet_mean(images):
    """RGB in [0, 255] -> BGR less ImageNet's mean, as the Caffe weights of ResNet-50 (He et al., CVPR 2016) want it."""
    return images[..., ::-1] - tf.constant([103.939, 116.779, 123.68])


def unchanged(images):
    """For networks that scale their input themselves."""
    return images


def build_cnn(img_size, weights=None):
    """The IMDB-WIKI article's network: three blocks of 5x5 convolutions, then 1024 units. 103 M parameters at 224 px."""
    if img_size < 8:  # halved three times
        raise SettingError(f"--img-size: cnn needs at least 8, got {img_size}")
    inputs = layers.Input([img_size, img_size, 3])
    features = inputs
    # The names Keras would give in a fresh process: files of weights are matched by name, wherever they were saved.
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


def _keras(constructor, **options):
    def build(img_size, weights=None):
        model = constructor(
            include_top=False,
            weights=weights,
            input_shape=(img_size, img_size, 3),
            pooling="avg",
            **options,
        )
        for layer in model.layers:
            # Keras' 0.99 and 0.999 need thousands of steps before evaluation sees what training sees.
            if isinstance(layer, layers.BatchNormalization):
                layer.momentum = min(layer.momentum, 0.95)
        return model

    return build


BACKBONES = {
    "cnn": Backbone(build_cnn, tf.image.per_image_standardization, has_imagenet=False),
    "mobilenet_v2": Backbone(_keras(applications.MobileNetV2), to_unit_range),
    "mobilenet_v3_small": Backbone(
        _keras(applications.MobileNetV3Small, include_preprocessing=False), to_unit_range
    ),
    "mobilenet_v3_large": Backbone(
        _keras(applications.MobileNetV3Large, include_preprocessing=False), to_unit_range
    ),
    "resnet50": Backbone(_keras(applications.ResNet50), subtract_imagenet_mean),
    **{
        f"efficientnet_b{n}": Backbone(
            _keras(getattr(applications, f"EfficientNetB{n}")), unchanged
        )
        for n in range(8)
    },
    "inception_resnet_v1": Backbone(
        build_inception_resnet_v1, tf.image.per_image_standardization, has_imagenet=False
    ),
    "mobile_facenet": Backbone(
        mobile_facenet.build_mobile_facenet, mobile_facenet.standardize, has_imagenet=False
    ),
}
