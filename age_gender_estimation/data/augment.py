"""Random changes to training images, for training only.

Every op but the flip takes float32 [height, width, 3] in [0, 255] and a seed, int [2], and returns
the same shape and range; equal seeds give equal results.
"""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf


def random_flip(image: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
    """Mirrors left and right where `number`, a random integer scalar, is even.

    It works on bytes and draws nothing itself, because either would take longer than mirroring.
    """
    return tf.cond(tf.equal(number % 2, 0), lambda: tf.reverse(image, [1]), lambda: image)


def random_placement(
    image: tf.Tensor, seed: tf.Tensor, shift: float, zoom: float, rotation: float
) -> tf.Tensor:
    """Moves the image, scales it and turns it around its centre; the border is repeated outwards.

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
    centre, reach = centre * size, reach * math.sqrt(share) / 2.0 * size
    rows, columns = (
        tf.abs(tf.range(size[axis]) + 0.5 - centre[axis]) < reach[axis] for axis in range(2)
    )
    is_hidden = (rows[:, tf.newaxis] & columns[tf.newaxis, :])[..., tf.newaxis]
    return tf.where(is_hidden, tf.reduce_mean(image, axis=[0, 1], keepdims=True), image)


def random_color(image: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Changes brightness by up to `strength` of the range, contrast and saturation by 1 +- it."""
    draws = tf.random.stateless_uniform([3], seed, -strength, strength)
    brightness, contrast, saturation = tf.unstack(draws)
    mean = tf.reduce_mean(image)
    image = mean + (1.0 + contrast) * (image - mean)
    grey = tf.image.rgb_to_grayscale(image)
    image = grey + (1.0 + saturation) * (image - grey)
    return tf.clip_by_value(image + 255.0 * brightness, 0.0, 255.0)


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
    placement = hparams.augment_shift, hparams.augment_zoom, hparams.augment_rotation
    strengths: dict[Callable[..., tf.Tensor], tuple[float, ...]] = {
        random_placement: placement,
        random_color: (hparams.augment_color,),
        random_erase: (hparams.augment_erase,),
    }
    ops = [op for op, values in strengths.items() if any(values)]
    if not ops:
        return image
    seeds = tf.random.experimental.stateless_split(tf.stack([number, 0]), len(ops))
    changed = tf.cast(image, tf.float32)
    for op, seed in zip(ops, tf.unstack(seeds)):
        changed = op(changed, seed, *strengths[op])
    return tf.cast(tf.round(changed), tf.uint8)
