"""Data augmentation: random changes of training images.

Each op except the flip takes float32 [height, width, 3] in [0, 255] and a seed int64 [2], and
returns an image of the same shape and range. Equal seeds give equal changes.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def random_flip(image: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Mirrors left and right if a random number is even.

    An op of a random generator would take longer than the mirroring, and so would floats.

    Args:
      image: [height, width, 3] of any dtype.
      number: integer [].
    """
    return tf.cond(tf.equal(number % 2, 0), lambda: tf.reverse(image, [1]), lambda: image)


def random_placement(
    image: tf.Tensor, seed: tf.Tensor, shift: float, zoom: float, rotation: float
) -> tf.Tensor:
    """Moves an image, and scales and turns it around its centre; its border is repeated outside.

    Args:
      image: float32 [height, width, 3].
      seed: int64 [2].
      shift: the largest shift each way, as a share of the side.
      zoom: the scale is between 1 - zoom and 1 + zoom.
      rotation: the largest angle each way in degrees.
    """
    draws = tf.random.stateless_uniform([4], seed, -1.0, 1.0)
    size = tf.cast(tf.shape(image)[0], tf.float32)
    scale, angle = 1.0 + zoom * draws[0], rotation * math.pi / 180.0 * draws[3]
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    centre = (size - 1.0) / 2.0
    # Output pixel (x, y) shows input pixel (cosine x - sine y, sine x + cosine y) + offset.
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
    """Hides a rectangle of up to `share` of the image under the image's mean colour.

    The sides of the rectangle are up to sqrt(share) of the image's; it may reach over the border.
    Random erasing: Zhong et al., AAAI 2020.
    """
    # The centre and half the length, vertically and horizontally.
    draws = tf.random.stateless_uniform([2, 2], seed)
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    centres, reaches = draws[0] * size, draws[1] * math.sqrt(share) / 2.0 * size
    inside = [
        tf.abs(tf.range(size[axis]) + 0.5 - centres[axis]) < reaches[axis] for axis in range(2)
    ]
    is_hidden = (inside[0][:, tf.newaxis] & inside[1][tf.newaxis, :])[..., tf.newaxis]
    return tf.where(is_hidden, tf.reduce_mean(image, axis=[0, 1], keepdims=True), image)


def random_color(image: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Changes brightness, contrast and saturation.

    Args:
      image: float32 [height, width, 3].
      seed: int64 [2].
      strength: brightness changes by up to this share of the range, contrast and saturation by
        factors between 1 - strength and 1 + strength.
    """
    brightness, contrast, saturation = tf.unstack(
        tf.random.stateless_uniform([3], seed, -strength, strength)
    )
    mean = tf.reduce_mean(image)
    image = mean + (1.0 + contrast) * (image - mean)
    grey = tf.image.rgb_to_grayscale(image)
    image = grey + (1.0 + saturation) * (image - grey)
    return tf.clip_by_value(image + 255.0 * brightness, 0.0, 255.0)


def augment(image: tf.Tensor, number: tf.Tensor, hparams: Any) -> tf.Tensor:
    """Applies the changes that the hyper-parameters augment_... switch on.

    Args:
      image: uint8 [height, width, 3].
      number: int64 [], random; equal numbers give equal changes.
      hparams: training.hparams.HParams.

    Returns:
      uint8 [height, width, 3].
    """
    if hparams.augment_flip:
        image = random_flip(image, number)
    placement = (hparams.augment_shift, hparams.augment_zoom, hparams.augment_rotation)
    choices: list[tuple[Callable, tuple[float, ...]]] = [
        (random_placement, placement),
        (random_color, (hparams.augment_color,)),
        (random_erase, (hparams.augment_erase,)),
    ]
    ops = [(op, strengths) for op, strengths in choices if any(strengths)]
    if not ops:
        return image
    seeds = tf.random.experimental.stateless_split(tf.stack([number, 0]), len(ops))
    changed = tf.cast(image, tf.float32)
    for (op, strengths), seed in zip(ops, tf.unstack(seeds)):
        changed = op(changed, seed, *strengths)
    return tf.cast(tf.round(changed), tf.uint8)
