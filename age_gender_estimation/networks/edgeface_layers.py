"""The layers of EdgeFace that Keras does not have: maps and tokens in, the same shape out."""

import math

import numpy as np
import tensorflow as tf

NUM_HEADS = 4
NUM_FREQUENCIES = 32  # of the position encoding, half of them sines
EPSILON = 1e-6

register = tf.keras.utils.register_keras_serializable("age_gender_estimation")


@register
class LayerNorm(tf.keras.layers.Layer):
    """Layer normalization over the last axis (Ba et al., 2016, arXiv:1607.06450).

    The gradient is written out: it takes fewer passes over the maps than Keras' layer.
    """

    def build(self, input_shape):
        self.gamma = self.add_weight("gamma", [input_shape[-1]], initializer="ones")
        self.beta = self.add_weight("beta", [input_shape[-1]], initializer="zeros")

    def call(self, inputs):
        return _layer_norm(
            inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        )


@tf.custom_gradient
def _layer_norm(inputs, gamma, beta):
    centred = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
    scale = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + EPSILON)
    normed = centred * scale

    def gradients(upstream):
        axes = list(range(inputs.shape.rank - 1))
        weighted = upstream * gamma
        slope = tf.reduce_mean(weighted * normed, -1, keepdims=True)
        mean = tf.reduce_mean(weighted, -1, keepdims=True)
        of_inputs = scale * (weighted - mean - normed * slope)
        return of_inputs, tf.reduce_sum(upstream * normed, axes), tf.reduce_sum(upstream, axes)

    return normed * gamma + beta, gradients


@register
class Gelu(tf.keras.layers.Layer):
    """x * Phi(x), the exact form with the error function (Hendrycks and Gimpel, arXiv:1606.08415).

    Attributes:
      is_training: whether to compile it, which takes one pass over the map in place of seven. Off
        by default: other runtimes do not read compiled functions.
    """

    is_training = False

    def call(self, inputs):
        return _compiled_gelu(inputs) if self.is_training else tf.nn.gelu(inputs)


@tf.custom_gradient
def _compiled_gelu(inputs):
    return _gelu(inputs), lambda upstream: _gelu_gradient(inputs, upstream)


@tf.function(jit_compile=True)
def _gelu(inputs):
    return inputs * (0.5 + 0.5 * tf.math.erf(inputs * math.sqrt(0.5)))


@tf.function(jit_compile=True)
def _gelu_gradient(inputs, upstream):
    density = tf.exp(-0.5 * inputs * inputs) / math.sqrt(2 * math.pi)
    return upstream * (0.5 + 0.5 * tf.math.erf(inputs * math.sqrt(0.5)) + inputs * density)


@register
class ScaledResidual(tf.keras.layers.Layer):
    """inputs + gamma * branch, with a gamma for each channel (Touvron et al., ICCV 2021)."""

    def build(self, input_shape):
        initializer = tf.keras.initializers.Constant(1e-6)
        self.gamma = self.add_weight("gamma", [input_shape[0][-1]], initializer=initializer)

    def call(self, inputs):
        skipped, branch = inputs
        return skipped + self.gamma * branch


@register
class CrossCovarianceAttention(tf.keras.layers.Layer):
    """Attention of channels to channels, not of places to places (El-Nouby et al., NeurIPS 2021).

    Queries, keys and values side by side, float32 [batch, tokens, 3 * channels], become float32
    [batch, tokens, channels].
    """

    def build(self, input_shape):
        self.temperature = self.add_weight("temperature", [NUM_HEADS, 1, 1], initializer="ones")

    def call(self, inputs):
        tokens, channels = inputs.shape[1], inputs.shape[2] // 3
        split = tf.reshape(inputs, [-1, tokens, 3, NUM_HEADS, channels // NUM_HEADS])
        # Each [batch, heads, channels of a head, tokens].
        query, key, value = tf.unstack(tf.transpose(split, [2, 0, 3, 4, 1]))
        # The published 1e-24 is 0 in the 16 bits of TensorFlow Lite, where zeros became NaN.
        query, key = (tf.math.l2_normalize(each, -1, epsilon=EPSILON) for each in (query, key))
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) * self.temperature)
        mixed = tf.transpose(tf.matmul(weights, value), [0, 3, 1, 2])
        return tf.reshape(mixed, [-1, tokens, channels])


@register
class PositionEncoding(tf.keras.layers.Layer):
    """Adds a projection of sines and cosines of the place (Carion et al., ECCV 2020)."""

    def build(self, input_shape):
        _, height, width, channels = input_shape
        self.kernel = self.add_weight("kernel", [2 * NUM_FREQUENCIES, channels])
        self.bias = self.add_weight("bias", [channels], initializer="zeros")
        self._waves = waves(height, width)

    def call(self, inputs):
        encoding = tf.matmul(self._waves, self.kernel) + self.bias
        return inputs + tf.reshape(encoding, [1, *inputs.shape[1:]])


def waves(height: int, width: int) -> np.ndarray:
    """Returns sines and cosines in turn, of the row and then of the column, of growing wavelengths.

    A map is 2 pi high and wide, and counts from 1.

    Returns:
      float32 [height * width, 2 * NUM_FREQUENCIES].
    """
    rows, columns = np.meshgrid(
        *(np.arange(1, size + 1) / (size + EPSILON) * 2 * math.pi for size in (height, width)),
        indexing="ij",
    )
    periods = 10000.0 ** (np.arange(0, NUM_FREQUENCIES, 2) / NUM_FREQUENCIES)
    angles = np.stack([rows, columns], -1)[..., np.newaxis] / periods
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(height * width, -1).astype("f4")
