"""Random changes to training images, for training only.

Every op but the flip takes float32 [height, width, 3] in [0, 255] and a seed, int [2], and returns
the same shape and range; equal seeds give equal results. The ops of poor photos are in degrade.py.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from age_gender_estimation.data.degrade import random_blur, random_downscale, random_jpeg

# The weights of red, green and blue in a grey image: ITU-R BT.601, as in OpenCV and Pillow.
LUMINANCE = (0.299, 0.587, 0.114)


def random_flip(image: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Mirrors left and right where `number`, a random integer scalar, is even.

    It works on bytes and draws nothing itself, because either would take longer than mirroring.
    """
    return tf.cond(tf.equal(number % 2, 0), lambda: tf.reverse(image, [1]), lambda: image)


def random_placement(
    image: tf.Tensor, seed: tf.Tensor, shift: float, zoom: float, rotation: float
) -> tf.Tensor:
    """Moves the image, scales it and turns it around its centre; the border is repeated outwards.

    Repeated, not black or mirrored: faces.crop fills what lies outside a photo in the same way.

    Args:
      image: float32 [height, width, 3].
      seed: int [2].
      shift: largest move, as a share of the side.
      zoom: largest change of the scale: 0.1 means 0.9 to 1.1.
      rotation: largest angle in degrees.
    """
    draws = tf.random.stateless_uniform([4], seed, -1.0, 1.0)
    size = tf.cast(tf.shape(image)[0], tf.float32)
    scale, angle = 1.0 + zoom * draws[0], rotation * math.pi / 180.0 * draws[3]
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    centre = (size - 1.0) / 2.0
    # Output pixel (x, y) shows input pixel (cosine x - sine y, sine x + cosine y) + offset. The
    # offset first keeps the centre in its place, then moves it.
    offset_x = centre * (1.0 - cosine + sine) + shift * size * draws[1]
    offset_y = centre * (1.0 - sine - cosine) + shift * size * draws[2]
    transform = tf.stack([cosine, -sine, offset_x, sine, cosine, offset_y, 0.0, 0.0])
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis],
        transforms=transform[tf.newaxis],
        output_shape=tf.shape(image)[:2],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
    return tf.ensure_shape(moved[0], image.shape)


def random_erase(image: tf.Tensor, seed: tf.Tensor, share: float) -> tf.Tensor:
    """Covers a rectangle of up to `share` of the image with the image's mean colour.

    Each side is up to sqrt(share) of the image's side; the rectangle may reach over the border.
    Random erasing: Zhong et al., AAAI 2020.
    """
    centre, reach = tf.unstack(tf.random.stateless_uniform([2, 2], seed))  # each (down, right)
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    centre, reach = centre * size - 0.5, reach * math.sqrt(share) / 2.0 * size
    # Pieces are copied: a mask for tf.where would take five times as long.
    top, left = tf.unstack(_border(centre - reach, size))
    bottom, right = tf.unstack(_border(centre + reach, size))
    # The mean of both axes at once would take five times as long.
    mean = tf.reduce_mean(tf.reduce_mean(image, axis=0), axis=0)
    hidden = tf.broadcast_to(mean, [bottom - top, right - left, 3])
    rows = image[top:bottom]
    rows = tf.concat([rows[:, :left], hidden, rows[:, right:]], axis=1)
    return tf.ensure_shape(tf.concat([image[:top], rows, image[bottom:]], axis=0), image.shape)


def _border(place: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Returns the first pixel at or after a place, float32 [2], as int32 in [0, size]."""
    return tf.cast(tf.clip_by_value(tf.math.ceil(place), 0.0, size), tf.int32)


def random_color(image: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Changes brightness by up to `strength` of the range, contrast and saturation by 1 +- it.

    contrast:   x -> mean + (1 + c) (x - mean), with the mean of all values
    saturation: x -> grey + (1 + s) (x - grey)
    """
    draws = tf.random.stateless_uniform([3], seed, -strength, strength)
    brightness, contrast, saturation = tf.unstack(draws)
    # Saturation leaves greys alone and contrast adds one, so both are one matrix and one number.
    matrix = (1.0 + saturation) * tf.eye(3) - saturation * _grey_matrix()
    colored = tf.tensordot(image, (1.0 + contrast) * matrix, 1)
    added = 255.0 * brightness - contrast * tf.reduce_mean(image)
    return tf.clip_by_value(colored + added, 0.0, 255.0)


def random_grey(image: tf.Tensor, seed: tf.Tensor, probability: float) -> tf.Tensor:
    """Gives all three channels the luminance, with a probability."""
    return tf.cond(
        tf.random.stateless_uniform([], seed) < probability,
        lambda: tf.tensordot(image, _grey_matrix(), 1),
        lambda: image,
    )


def _grey_matrix() -> tf.Tensor:
    return tf.constant([[weight] * 3 for weight in LUMINANCE])


def augment(image: tf.Tensor, number: tf.Tensor, hparams: Any) -> tf.Tensor:
    """Applies the ops that the fields augment_... of the hyper-parameters switch on.

    Args:
      image: uint8 [height, width, 3].
      number: random int64 scalar; equal numbers give equal changes.
      hparams: training.hparams.HParams.

    Returns:
      uint8 [height, width, 3].
    """
    if hparams.augment_flip:
        image = random_flip(image, number)
    # The order of the world: the face moves before the camera, light and film give the colours,
    # what hides a part of the face is in the photo too, then come lens, distance and file.
    placement = hparams.augment_shift, hparams.augment_zoom, hparams.augment_rotation
    strengths: dict[Callable[..., tf.Tensor], tuple[float, ...]] = {
        random_placement: placement,
        random_color: (hparams.augment_color,),
        random_grey: (hparams.augment_grey,),
        random_erase: (hparams.augment_erase,),
        random_blur: (hparams.augment_blur,),
        random_downscale: (hparams.augment_downscale,),
        random_jpeg: (hparams.augment_jpeg,),
    }
    ops = [op for op, values in strengths.items() if any(values)]
    if not ops:
        return image
    seeds = tf.random.experimental.stateless_split(tf.stack([number, 0]), len(ops))
    changed = tf.cast(image, tf.float32)
    for op, seed in zip(ops, tf.unstack(seeds)):
        changed = op(changed, seed, *strengths[op])
    return tf.cast(tf.round(changed), tf.uint8)
