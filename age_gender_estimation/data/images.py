"""Image ops that training, evaluation and the exported model share, so that they cannot differ.

Images are uint8 [height, width, 3] RGB up to the network, which casts them to float32; the
backbone's own `standardize` scales them.
"""

import tensorflow as tf


def decode(image_bytes: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG, PNG, BMP or the first frame of a GIF.

    A JPEG gets the pixels that OpenCV decodes, to the bit; predict reads photos with OpenCV.
    TensorFlow's default, the fast inverse DCT, differs by up to 17 of 255.

    Args:
      image_bytes: string scalar, the contents of the file.

    Returns:
      uint8 [height, width, 3] RGB.
    """
    image = tf.cond(
        tf.io.is_jpeg(image_bytes),
        lambda: tf.io.decode_jpeg(image_bytes, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(image_bytes, channels=3, expand_animations=False),
    )
    image.set_shape([None, None, 3])
    return image


def resize(images: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes uint8 [..., height, width, 3] to uint8 [..., size, size, 3].

    Averages over areas where it shrinks (antialias), and rounds: the crops of preprocessing are
    rounded too, and a batch of bytes is copied four times as fast as one of floats. Images that
    have the size already stay as they are.
    """
    shape = tf.shape(images)

    def scaled() -> tf.Tensor:
        return tf.cast(tf.round(tf.image.resize(images, [size, size], antialias=True)), tf.uint8)

    resized = tf.cond(tf.reduce_all(tf.equal(shape[-3:-1], size)), lambda: images, scaled)
    resized.set_shape([*images.shape[:-3], size, size, 3])
    return resized


def mirror_border(images: tf.Tensor, border: tuple[int, ...]) -> tf.Tensor:
    """Adds a border that mirrors the edges.

    Args:
      images: float32 [batch, size, size, 3].
      border: pixels at the (top, bottom, left, right), or () for none.

    Returns:
      float32 [batch, size + top + bottom, size + left + right, 3].
    """
    if not border:
        return images
    return tf.pad(images, [[0, 0], border[:2], border[2:], [0, 0]], "SYMMETRIC")


def read_image(path: tf.Tensor, size: int) -> tf.Tensor:
    """Reads the crop at `path` (string scalar) as uint8 [size, size, 3]."""
    return resize(decode(tf.io.read_file(path)), size)
