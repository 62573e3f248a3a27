"""Random damage of poor photos, for training only: blur, few pixels, JPEG.

Every op takes float32 [size, size, 3] in [0, 255], a seed, int [2], and the probability that it
changes the image; it returns the same shape and range, and equal seeds give equal results. The work
is inside tf.cond, so that an image that is left alone costs next to nothing.
"""

from typing import Any

import tensorflow as tf

from age_gender_estimation.data.images import decode

# A lens blurs by a share of the face, so these are shares of the side: 0.6 to 2.2 pixels of 112.
BLUR_SIGMAS = (0.005, 0.02)
# A small face has so many pixels in its photo, whatever the network's input is.
SMALL_SIDES = (20, 60)
JPEG_QUALITIES = (15, 60)


def random_blur(image: tf.Tensor, seed: tf.Tensor, probability: float) -> tf.Tensor:
    """Blurs by a Gaussian whose standard deviation is a random share of the side, BLUR_SIGMAS."""
    is_drawn, share = _draw(seed, probability)

    def blurred() -> tf.Tensor:
        places = tf.range(tf.cast(tf.shape(image)[0], tf.float32))
        sigma = _between(BLUR_SIGMAS, share) * tf.cast(tf.shape(image)[0], tf.float32)
        distances = (places[:, tf.newaxis] - places) / sigma
        # At the border, the pixels that exist share the weight; padding would do the same slowly.
        # As matrices, because a depthwise convolution of three channels takes four times as long.
        kernel = tf.nn.softmax(-0.5 * distances**2)
        once = tf.transpose(tf.tensordot(kernel, image, 1), [1, 0, 2])
        twice = tf.transpose(tf.tensordot(kernel, once, 1), [1, 0, 2])
        return tf.ensure_shape(tf.clip_by_value(twice, 0.0, 255.0), image.shape)

    return tf.cond(is_drawn, blurred, lambda: image)


def random_downscale(image: tf.Tensor, seed: tf.Tensor, probability: float) -> tf.Tensor:
    """Scales down to a random side of SMALL_SIDES pixels, both included, and up again.

    An image that is smaller than the drawn side stays as it is.
    """
    is_drawn, share = _draw(seed, probability)

    def scaled() -> tf.Tensor:
        size = tf.shape(image)[:2]
        small = tf.minimum(_whole_between(SMALL_SIDES, share), size)
        # A camera's pixel averages an area; faces.crop enlarges by cubics.
        shrunk = tf.image.resize(image[tf.newaxis], small, "area")
        enlarged = tf.image.resize(shrunk, size, "bicubic")[0]
        return tf.ensure_shape(tf.clip_by_value(enlarged, 0.0, 255.0), image.shape)

    return tf.cond(is_drawn, scaled, lambda: image)


def random_jpeg(image: tf.Tensor, seed: tf.Tensor, probability: float) -> tf.Tensor:
    """Compresses as JPEG with a random quality of JPEG_QUALITIES, both included."""
    is_drawn, share = _draw(seed, probability)

    def compressed() -> tf.Tensor:
        file = tf.raw_ops.EncodeJpegVariableQuality(
            images=tf.cast(tf.round(image), tf.uint8), quality=_whole_between(JPEG_QUALITIES, share)
        )
        return tf.ensure_shape(tf.cast(decode(file), tf.float32), image.shape)

    return tf.cond(is_drawn, compressed, lambda: image)


def _draw(seed: tf.Tensor, probability: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns whether to change the image, and a float32 in [0, 1) that says how much."""
    draws = tf.random.stateless_uniform([2], seed)
    return draws[0] < probability, draws[1]


def _between(ends: tuple[float, float], share: Any) -> Any:
    return ends[0] + share * (ends[1] - ends[0])


def _whole_between(ends: tuple[int, int], share: tf.Tensor) -> tf.Tensor:
    return ends[0] + tf.cast(share * (ends[1] - ends[0] + 1), tf.int32)
