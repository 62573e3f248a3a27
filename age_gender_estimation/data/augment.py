"""Random changes to training pictures; nothing else in the project draws on them.

Every op takes float32 [height, width, 3] in [0, 255] and an int32 [2] seed, and gives the same back for the same seed.
"""
import math

import tensorflow as tf


def random_flip(image, seed):
    """Mirrors left and right half of the time."""
    return tf.image.stateless_random_flip_left_right(image, seed)


def random_placement(image, seed, shift, zoom, rotation):
    """Moves, scales and turns around the centre; the border is repeated outwards.

    Args:
      image, seed: as above.
      shift: by up to this share of the side each way.
      zoom: by up to 1 +- this.
      rotation: by up to this many degrees each way.
    """
    draws = tf.random.stateless_uniform([4], seed, -1.0, 1.0)
    size = tf.cast(tf.shape(image)[0], tf.float32)
    scale, angle = 1.0 + zoom * draws[0], rotation * math.pi / 180.0 * draws[3]
    cosine, sine = scale * tf.cos(angle), scale * tf.sin(angle)
    centre = (size - 1.0) / 2.0
    # Output pixel (x, y) shows input pixel (cosine x - sine y, sine x + cosine y) + offset: the centre stays, then moves.
    offset_x = centre * (1.0 - cosine + sine) + shift * size * draws[1]
    offset_y = centre * (1.0 - sine - cosine) + shift * size * draws[2]
    transform = tf.stack([cosine, -sine, offset_x, sine, cosine, offset_y, 0.0, 0.0])
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis], transforms=transform[tf.newaxis], output_shape=tf.shape(image)[:2],
        interpolation="BILINEAR", fill_mode="NEAREST", fill_value=0.0)
    return tf.ensure_shape(moved[0], image.shape)


def random_erase(image, seed, share):
    """Hides a rectangle of up to `share` of the picture under its mean colour (Zhong et al., AAAI 2020).

    Its sides are each up to the root of `share` of the picture's, and may reach over the border.
    """
    draws = tf.random.stateless_uniform([2, 2], seed)  # centre and half the length, down and to the right
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    centres, reaches = draws[0] * size, draws[1] * math.sqrt(share) / 2.0 * size
    inside = [tf.abs(tf.range(size[axis]) + 0.5 - centres[axis]) < reaches[axis] for axis in range(2)]
    is_hidden = (inside[0][:, tf.newaxis] & inside[1][tf.newaxis, :])[..., tf.newaxis]
    return tf.where(is_hidden, tf.reduce_mean(image, axis=[0, 1], keepdims=True), image)


def random_color(image, seed, strength):
    """Changes brightness (by up to `strength` of the range), contrast and saturation (up to 1 +- `strength`)."""
    brightness, contrast, saturation = tf.unstack(tf.random.stateless_uniform([3], seed, -strength, strength))
    mean = tf.reduce_mean(image)
    image = mean + (1.0 + contrast) * (image - mean)
    grey = tf.image.rgb_to_grayscale(image)
    image = grey + (1.0 + saturation) * (image - grey)
    return tf.clip_by_value(image + 255.0 * brightness, 0.0, 255.0)


def augment(image, seed, hparams):
    """Applies what the hyper-parameters switch on, the fields augment_..."""
    seeds = tf.random.experimental.stateless_split(seed, 4)
    if hparams.augment_flip:
        image = random_flip(image, seeds[0])
    if hparams.augment_shift or hparams.augment_zoom or hparams.augment_rotation:
        image = random_placement(image, seeds[1], hparams.augment_shift, hparams.augment_zoom, hparams.augment_rotation)
    if hparams.augment_color:
        image = random_color(image, seeds[2], hparams.augment_color)
    if hparams.augment_erase:
        image = random_erase(image, seeds[3], hparams.augment_erase)
    return image
