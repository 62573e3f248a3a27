"""EdgeFace-XS (George et al., IEEE T-BIOM 2024, arXiv:2307.01838): images -> 1728 features.

An EdgeNeXt x-small (Maaz et al., ECCVW 2022, arXiv:2206.10589) that was trained to recognize faces.
The layers have the names of the published arrays (`stages.0.blocks.0.conv_dw`, ...), which are
matched by name.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from age_gender_estimation.errors import SettingError
from age_gender_estimation.networks.edgeface_layers import (
    CrossCovarianceAttention,
    Gelu,
    LayerNorm,
    PositionEncoding,
    ScaledResidual,
)

layers = tf.keras.layers

CHANNELS = (32, 64, 100, 192)  # of the four stages
NUM_BLOCKS = (3, 3, 9, 3)
KERNEL_SIZES = (3, 5, 7, 9)
NUM_PARTS = (0, 2, 3, 4)  # of the channels in the last block of a stage; the first stage has none


def build_edgeface_xs(img_size: int) -> tf.keras.Model:
    """Builds the network up to its last feature map, 3 x 3 x 192 at 112 px.

    It has 2.14 M parameters. Each place of the map is standardized over its channels. The published
    mean over the places and the embedding are left out: age and race are read better from the map.

    Args:
      img_size: side of the images in pixels.

    Returns:
      A Keras model, float32 [batch, img_size, img_size, 3] -> [batch, 1728] at 112 px.

    Raises:
      SettingError: img_size is too small.
    """
    if img_size < 32:  # a quarter, then halved three times
        raise SettingError(f"--img-size: edgeface_xs needs at least 32, got {img_size}")
    inputs = layers.Input([img_size, img_size, 3])
    features = layers.Conv2D(CHANNELS[0], 4, 4, name="stem.0")(inputs)
    features = LayerNorm(name="stem.1")(features)
    for stage, channels in enumerate(CHANNELS):
        name = f"stages.{stage}"
        if stage:
            features = LayerNorm(name=f"{name}.downsample.0")(features)
            features = layers.Conv2D(channels, 2, 2, name=f"{name}.downsample.1")(features)
        for number in range(NUM_BLOCKS[stage]):
            block = f"{name}.blocks.{number}"
            if stage and number == NUM_BLOCKS[stage] - 1:
                features = _attention_block(features, block, stage)
            else:
                features = _convolution_block(features, block, KERNEL_SIZES[stage])
    # Without a gain and a shift of its own: the dense layers that follow have them.
    features = layers.LayerNormalization(epsilon=1e-6, center=False, scale=False, name="map")(
        features
    )
    return tf.keras.Model(inputs, layers.Flatten(name="features")(features), name="edgeface_xs")


def _convolution_block(inputs, name, kernel_size):
    features = layers.DepthwiseConv2D(kernel_size, padding="same", name=f"{name}.conv_dw")(inputs)
    return _mlp(inputs, features, name)


def _attention_block(inputs, name, stage):
    """Split depthwise transpose attention: convolutions in turn, then attention of channels."""
    _, height, width, channels = inputs.shape
    size = -(-channels // NUM_PARTS[stage])  # the last part may be smaller
    *parts, last = (inputs[..., start : start + size] for start in range(0, channels, size))
    outputs: list = []
    for number, part in enumerate(parts):
        if outputs:
            part = layers.Add(name=f"{name}.add.{number}")([part, outputs[-1]])
        convolution = layers.DepthwiseConv2D(3, padding="same", name=f"{name}.convs.{number}")
        outputs.append(convolution(part))
    features = layers.Concatenate(name=f"{name}.parts")([*outputs, last])
    if stage == 1:
        features = PositionEncoding(name=f"{name}.pos_embd.token_projection")(features)
    tokens = layers.Reshape([height * width, channels], name=f"{name}.tokens")(features)
    attended = LayerNorm(name=f"{name}.norm_xca")(tokens)
    attended = layers.Dense(3 * channels, name=f"{name}.xca.qkv")(attended)
    attended = CrossCovarianceAttention(name=f"{name}.xca")(attended)
    attended = layers.Dense(channels, name=f"{name}.xca.proj")(attended)
    tokens = ScaledResidual(name=f"{name}.gamma_xca")([tokens, attended])
    features = layers.Reshape([height, width, channels], name=f"{name}.map")(tokens)
    return _mlp(inputs, features, name)


def _mlp(inputs, features, name):
    channels = features.shape[-1]
    features = LayerNorm(name=f"{name}.norm")(features)
    features = layers.Dense(4 * channels, name=f"{name}.mlp.fc1")(features)
    features = Gelu(name=f"{name}.mlp.gelu")(features)
    features = layers.Dense(channels, name=f"{name}.mlp.fc2")(features)
    return ScaledResidual(name=f"{name}.gamma")([inputs, features])


def from_torch(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the published arrays, which are PyTorch's, with Keras' names and layouts.

    `stages.0.blocks.0.conv_dw.weight` [out, in / groups, height, width] becomes
    `stages.0.blocks.0.conv_dw/depthwise_kernel` [height, width, channels, 1]. Names that have a
    slash are Keras' already.
    """
    return dict(
        (name, array) if "/" in name else _keras_array(name, array)
        for name, array in arrays.items()
    )


def _keras_array(name, array):
    if name.rpartition(".")[2].startswith("gamma"):  # a ScaledResidual
        return f"{name}/gamma", array
    layer, _, leaf = name.rpartition(".")
    if ".pos_embd." in name and array.ndim == 4:  # a 1x1 convolution
        return f"{layer}/kernel", array[:, :, 0, 0].T
    if leaf == "weight" and array.ndim == 4:
        if ".conv_dw" in layer or ".convs." in layer:
            return f"{layer}/depthwise_kernel", array.transpose(2, 3, 0, 1)
        return f"{layer}/kernel", array.transpose(2, 3, 1, 0)
    if leaf == "weight" and array.ndim == 2:
        return f"{layer}/kernel", array.T
    if leaf == "weight":
        return f"{layer}/gamma", array
    is_norm = ".norm" in layer or layer.endswith(("stem.1", "downsample.0"))
    return f"{layer}/{'beta' if leaf == 'bias' and is_norm else leaf}", array
