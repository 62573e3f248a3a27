"""TensorFlow image ops that training, evaluation and serving share, so that they cannot differ.

Images are uint8 [height, width, 3] RGB. The network casts them to float32, and the backbone's
`standardize` scales them.
"""

import tensorflow as tf


def decode(image_bytes: tf.Tensor) -> tf.Tensor:
    """Decodes a JPEG, PNG, BMP or the first frame of a GIF.

    The pixels of a JPEG equal those of OpenCV (`faces.photo`) bit for bit. TensorFlow's default,
    the fast inverse DCT, differs by up to 17 of 255.

    Args:
      image_bytes: string [].

    Returns:
      uint8 [height, width, 3].
    """
    image = tf.cond(
        tf.io.is_jpeg(image_bytes),
        lambda: tf.io.decode_jpeg(image_bytes, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(image_bytes, channels=3, expand_animations=False),
    )
    image.set_shape([None, None, 3])
    return image


def resize(images: tf.Tensor, size: int) -> tf.Tensor:
    """Resizes images with antialiasing; images of that size stay unchanged.

    The result is rounded: copying bytes is four times as fast as copying floats, and the crops of
    preprocessing are rounded as well.

    Args:
      images: uint8 [..., height, width, 3].
      size: side in pixels.

    Returns:
      uint8 [..., size, size, 3].
    """
    shape = tf.shape(images)

    def scaled() -> tf.Tensor:
        return tf.cast(tf.round(tf.image.resize(images, [size, size], antialias=True)), tf.uint8)

    resized = tf.cond(tf.reduce_all(tf.equal(shape[-3:-1], size)), lambda: images, scaled)
    resized.set_shape([*images.shape[:-3], size, size, 3])
    return resized


def mirror_border(images: tf.Tensor, border: tuple[int, ...]) -> tf.Tensor:
    """Extends images by mirroring their edges.

    Args:
      images: float32 [batch, size, size, 3].
      border: pixels at the (top, bottom, left, right), or () for no change.

    Returns:
      float32 [batch, size + top + bottom, size + left + right, 3].
    """
    if not border:
        return images
    return tf.pad(images, [[0, 0], border[:2], border[2:], [0, 0]], "SYMMETRIC")


def read_image(path: tf.Tensor, size: int) -> tf.Tensor:
    """Reads the crop at `path` (string []) as uint8 [size, size, 3]."""
    return resize(decode(tf.io.read_file(path)), size)
