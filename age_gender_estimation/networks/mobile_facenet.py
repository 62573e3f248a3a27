"""MobileFaceNet (Chen et al., CCBR 2018, arXiv:1804.07573): images -> 512 features.

This is the form that InsightFace trains. The layers have the names of the published arrays
(`conv_1/kernel`, `conv_1_bn/gamma`, ...), which are matched by name.
"""

import tensorflow as tf

layers = tf.keras.layers

# Name, channels inside, channels out, stride. Those of stride 1 are residual.
BOTTLENECKS = (
    ("dconv_23", 128, 64, 2),
    *((f"res_3_block{number}", 128, 64, 1) for number in range(4)),
    ("dconv_34", 256, 128, 2),
    *((f"res_4_block{number}", 256, 128, 1) for number in range(6)),
    ("dconv_45", 512, 128, 2),
    *((f"res_5_block{number}", 256, 128, 1) for number in range(2)),
)
NUM_FEATURES, EMBEDDING_SIZE = 512, 128


@tf.keras.utils.register_keras_serializable("age_gender_estimation")
class PReLU(tf.keras.layers.PReLU):
    """Keras' PReLU with one slope per channel (He et al., ICCV 2015).

    Attributes:
      is_training: whether to compute the same in fewer passes over the feature maps, which makes a
        training step 1.15 times as fast. Off by default: TensorFlow Lite converts only Keras' form.
    """

    is_training = False

    def get_build_config(self):
        """None: from a config, Keras would build the layer outside its name scope."""
        return None

    def call(self, inputs):
        return (
            _prelu(inputs, tf.convert_to_tensor(self.alpha))
            if self.is_training
            else super().call(inputs)
        )


@tf.custom_gradient
def _prelu(inputs, slopes):
    factors = tf.where(inputs > 0, 1.0, slopes)

    def gradients(upstream):
        of_slopes = tf.reduce_sum(upstream * tf.minimum(inputs, 0.0), [0, 1, 2])
        return upstream * factors, tf.reshape(of_slopes, slopes.shape)

    return inputs * factors, gradients


def build_mobile_facenet(img_size: int) -> tf.keras.Model:
    """Builds the network up to its linear global depthwise convolution.

    It has 0.96 M parameters at 112 px, the published size. The kernel of the last convolution is as
    large as its feature map: 7x7, as published, for 97 to 112 px.

    Args:
      img_size: side of the images in pixels.

    Returns:
      A Keras model, float32 [batch, img_size, img_size, 3] -> [batch, 512].
    """
    inputs = layers.Input([img_size, img_size, 3])
    features = _conv(inputs, "conv_1", 64, 3, stride=2)
    features = _depthwise(features, "conv_2_dw")
    for name, inside, outside, stride in BOTTLENECKS:
        block = _conv(features, f"{name}_conv_sep", inside)
        block = _depthwise(block, f"{name}_conv_dw", stride)
        block = _conv(block, f"{name}_conv_proj", outside, is_linear=True)
        features = block if stride == 2 else layers.Add(name=f"{name}_add")([features, block])
    features = _conv(features, "conv_6sep", NUM_FEATURES)
    features = layers.DepthwiseConv2D(features.shape[1], use_bias=False, name="conv_6dw7_7")(
        features
    )
    features = _norm(features, "conv_6dw7_7", is_linear=True)  # [batch, 1, 1, 512]
    return tf.keras.Model(inputs, layers.Flatten(name="gdc")(features), name="mobile_facenet")


def build_embedding() -> tf.keras.Model:
    """Builds the whole published network, 112 px -> 128 numbers, whose outputs are published."""
    backbone = build_mobile_facenet(112)
    embedding = layers.Dense(EMBEDDING_SIZE, name="fc1")(backbone.output)
    embedding = layers.BatchNormalization(scale=False, epsilon=2e-5, momentum=0.9, name="fc1_bn")(
        embedding
    )
    return tf.keras.Model(backbone.input, embedding, name="mobile_facenet_embedding")


def _conv(features, name, filters, kernel_size=1, stride=1, is_linear=False):
    features = _pad(features, name) if kernel_size == 3 else features
    features = layers.Conv2D(filters, kernel_size, stride, use_bias=False, name=name)(features)
    return _norm(features, name, is_linear)


def _depthwise(features, name, stride=1):
    features = layers.DepthwiseConv2D(3, stride, use_bias=False, name=name)(_pad(features, name))
    return _norm(features, name)


def _pad(features, name):
    # With stride 2, TensorFlow's SAME pads only right and bottom; InsightFace pads all sides.
    return layers.ZeroPadding2D(1, name=f"{name}_pad")(features)


def _norm(features, name, is_linear=False):
    features = layers.BatchNormalization(epsilon=1e-3, momentum=0.9, name=f"{name}_bn")(features)
    if is_linear:
        return features
    # Slopes are 0.25 at first, as in the paper.
    return PReLU(tf.keras.initializers.Constant(0.25), shared_axes=[1, 2], name=f"{name}_prelu")(
        features
    )
