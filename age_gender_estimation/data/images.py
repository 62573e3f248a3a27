"""Image ops shared by training, evaluation and serving, so that there is no skew between them. TensorFlow only.

Pictures are uint8 [height, width, 3] RGB up to the network, which casts them; the backbone's own standardize then scales.
"""

import tensorflow as tf


def decode(image_bytes):
    """Decodes a JPEG, PNG, BMP or the first frame of a GIF: string scalar -> uint8 [height, width, 3].

    A JPEG to the bit as OpenCV does, with which predict reads photos; TensorFlow's own choice, the fast inverse DCT, is off
    by up to 17 of 255.
    """
    image = tf.cond(
        tf.io.is_jpeg(image_bytes),
        lambda: tf.io.decode_jpeg(image_bytes, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(image_bytes, channels=3, expand_animations=False),
    )
    image.set_shape([None, None, 3])
    return image


def resize(images, size):
    """Resizes uint8 [..., height, width, 3] to uint8 [..., size, size, 3].

    Averages over areas where it shrinks (antialias), and rounds: a batch of bytes is copied four times as fast as one of
    floats, and the crops of preprocessing are rounded as well. Pictures that have the size already stay as they are.
    """
    shape = tf.shape(images)

    def scaled():
        return tf.cast(tf.round(tf.image.resize(images, [size, size], antialias=True)), tf.uint8)

    resized = tf.cond(tf.reduce_all(tf.equal(shape[-3:-1], size)), lambda: images, scaled)
    resized.set_shape([*images.shape[:-3], size, size, 3])
    return resized


def mirror_border(images, border):
    """Mirrors the edges outwards.

    Args:
      images: float32 [batch, size, size, 3].
      border: pixels at the (top, bottom, left, right), or () for none.

    Returns:
      float32 [batch, size + top + bottom, size + left + right, 3].
    """
    return (
        tf.pad(images, [[0, 0], border[:2], border[2:], [0, 0]], "SYMMETRIC") if border else images
    )


def read_image(path, size):
    """Reads the crop at `path` (string scalar) as uint8 [size, size, 3]."""
    return resize(decode(tf.io.read_file(path)), size)
