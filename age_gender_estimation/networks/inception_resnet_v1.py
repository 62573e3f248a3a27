"""Inception-ResNet-v1 (Szegedy et al., AAAI 2017, arXiv:1602.07261): images -> 1792 features.

Layer names and sizes are those of the public Keras weights of FaceNet (`facenet_keras`), which are
matched by name.
"""

import tensorflow as tf

from age_gender_estimation.errors import SettingError

layers = tf.keras.layers

SMALLEST_IMG_SIZE = 75  # below it, the last 3x3 convolutions have no input

# The branches of a residual block, each a list of convolutions (name, filters). A name ends with
# the size of its kernel. Branches are concatenated and projected to the channels of the block.
BLOCKS = {
    "Block35": (
        (("Conv2d_1x1", 32),),
        (("Conv2d_0a_1x1", 32), ("Conv2d_0b_3x3", 32)),
        (("Conv2d_0a_1x1", 32), ("Conv2d_0b_3x3", 32), ("Conv2d_0c_3x3", 32)),
    ),
    "Block17": (
        (("Conv2d_1x1", 128),),
        (("Conv2d_0a_1x1", 128), ("Conv2d_0b_1x7", 128), ("Conv2d_0c_7x1", 128)),
    ),
    "Block8": (
        (("Conv2d_1x1", 192),),
        (("Conv2d_0a_1x1", 192), ("Conv2d_0b_1x3", 192), ("Conv2d_0c_3x1", 192)),
    ),
}
# Branches whose last convolution halves the feature map; a max pooling is one more branch.
REDUCTIONS = {
    "Mixed_6a": (
        (("Conv2d_1a_3x3", 384),),
        (("Conv2d_0a_1x1", 192), ("Conv2d_0b_3x3", 192), ("Conv2d_1a_3x3", 256)),
    ),
    "Mixed_7a": (
        (("Conv2d_0a_1x1", 256), ("Conv2d_1a_3x3", 384)),
        (("Conv2d_0a_1x1", 256), ("Conv2d_1a_3x3", 256)),
        (("Conv2d_0a_1x1", 256), ("Conv2d_0b_3x3", 256), ("Conv2d_1a_3x3", 256)),
    ),
}


def build_inception_resnet_v1(img_size: int) -> tf.keras.Model:
    """Builds FaceNet without its last three layers (dropout, bottleneck, batch-norm).

    It has 22.6 M parameters. The published weights are for 160 px.

    Args:
      img_size: side of the images in pixels, at least 75.

    Returns:
      A Keras model, float32 [batch, img_size, img_size, 3] -> [batch, 1792].

    Raises:
      SettingError: img_size is too small.
    """
    if img_size < SMALLEST_IMG_SIZE:
        raise SettingError(
            f"--img-size: inception_resnet_v1 needs at least {SMALLEST_IMG_SIZE}, got {img_size}"
        )
    inputs = layers.Input([img_size, img_size, 3])
    features = _stem(inputs)
    for number in range(1, 6):
        features = _residual(features, "Block35", number, 0.17)
    features = _reduction(features, "Mixed_6a")
    for number in range(1, 11):
        features = _residual(features, "Block17", number, 0.10)
    features = _reduction(features, "Mixed_7a")
    for number in range(1, 6):
        features = _residual(features, "Block8", number, 0.20)
    features = _residual(features, "Block8", 6, 1.0, is_linear=True)
    return tf.keras.Model(
        inputs, layers.GlobalAveragePooling2D(name="AvgPool")(features), name="inception_resnet_v1"
    )


def _stem(images):
    features = _conv(images, "Conv2d_1a_3x3", 32, strides=2, padding="valid")
    features = _conv(features, "Conv2d_2a_3x3", 32, padding="valid")
    features = _conv(features, "Conv2d_2b_3x3", 64)
    features = layers.MaxPooling2D(3, strides=2, name="MaxPool_3a_3x3")(features)
    features = _conv(features, "Conv2d_3b_1x1", 80)
    features = _conv(features, "Conv2d_4a_3x3", 192, padding="valid")
    return _conv(features, "Conv2d_4b_3x3", 256, strides=2, padding="valid")


def _residual(features, kind, number, scale, is_linear=False):
    """features + scale * convolution of the concatenated branches.

    Scaling keeps the training stable (section 3.3 of the paper).
    """
    prefix, branches = f"{kind}_{number}", []
    for index, steps in enumerate(BLOCKS[kind]):
        branch = features
        for name, filters in steps:
            branch = _conv(branch, f"{prefix}_Branch_{index}_{name}", filters)
        branches.append(branch)
    mixed = layers.Concatenate(name=f"{prefix}_Concatenate")(branches)
    mixed = layers.Conv2D(features.shape[-1], 1, name=f"{prefix}_Conv2d_1x1")(mixed)
    mixed = layers.Rescaling(scale, name=f"{prefix}_scale")(mixed)
    features = layers.Add(name=f"{prefix}_add")([features, mixed])
    return (
        features if is_linear else layers.Activation("relu", name=f"{prefix}_Activation")(features)
    )


def _reduction(features, prefix):
    branches = []
    for index, steps in enumerate(REDUCTIONS[prefix]):
        branch = features
        for name, filters in steps[:-1]:
            branch = _conv(branch, f"{prefix}_Branch_{index}_{name}", filters)
        name, filters = steps[-1]
        branches.append(
            _conv(branch, f"{prefix}_Branch_{index}_{name}", filters, strides=2, padding="valid")
        )
    pool_name = f"{prefix}_Branch_{len(branches)}_MaxPool_1a_3x3"
    branches.append(layers.MaxPooling2D(3, strides=2, name=pool_name)(features))
    return layers.Concatenate(name=prefix)(branches)


def _conv(features, name, filters, strides=1, padding="same"):
    kernel_size = [int(size) for size in name.rpartition("_")[2].split("x")]
    features = layers.Conv2D(filters, kernel_size, strides, padding, use_bias=False, name=name)(
        features
    )
    # With the original's momentum of 0.995, the statistics are wrong for thousands of steps.
    features = layers.BatchNormalization(
        momentum=0.95, epsilon=1e-3, scale=False, name=f"{name}_BatchNorm"
    )(features)
    return layers.Activation("relu", name=f"{name}_Activation")(features)
