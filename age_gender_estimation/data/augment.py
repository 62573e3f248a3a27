"""Random changes to training pictures; nothing else in the project draws on them.

Every op but the flip takes float32 [height, width, 3] in [0, 255] and a [2] seed, and gives the same back for the same seed.
"""

import math

import tensorflow as tf


def random_flip(image, number):
    """Mirrors left and right where `number`, a random integer, is even.

    A generator's op for this one bit, or floats instead of bytes, would take longer than the mirroring.

    Args:
      image: [height, width, 3] of any type.
      number: integer scalar.
    """
    return tf.cond(tf.equal(number % 2, 0), lambda: tf.reverse(image, [1]), lambda: image)


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
        images=image[tf.newaxis],
        transforms=transform[tf.newaxis],
        output_shape=tf.shape(image)[:2],
        interpolation="BILINEAR",
        fill_mode="NEAREST",
        fill_value=0.0,
    )
    return tf.ensure_shape(moved[0], image.shape)


def random_erase(image, seed, share):
    """Hides a rectangle of up to `share` of the picture under its mean colour (Zhong et al., AAAI 2020).

    Its sides are each up to the root of `share` of the picture's, and may reach over the border.
    """
    draws = tf.random.stateless_uniform(
        [2, 2], seed
    )  # centre and half the length, down and to the right
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    centres, reaches = draws[0] * size, draws[1] * math.sqrt(share) / 2.0 * size
    inside = [
        tf.abs(tf.range(size[axis]) + 0.5 - centres[axis]) < reaches[axis] for axis in range(2)
    ]
    is_hidden = (inside[0][:, tf.newaxis] & inside[1][tf.newaxis, :])[..., tf.newaxis]
    return tf.where(is_hidden, tf.reduce_mean(image, axis=[0, 1], keepdims=True), image)


def random_color(image, seed, strength):
    """Changes brightness (by up to `strength` of the range), contrast and saturation (up to 1 +- `strength`)."""
    brightness, contrast, saturation = tf.unstack(
        tf.random.stateless_uniform([3], seed, -strength, strength)
    )
    mean = tf.reduce_mean(image)
    image = mean + (1.0 + contrast) * (image - mean)
    grey = tf.image.rgb_to_grayscale(image)
    image = grey + (1.0 + saturation) * (image - grey)
    return tf.clip_by_value(image + 255.0 * brightness, 0.0, 255.0)


def augment(image, number, hparams):
    """Applies what the hyper-parameters switch on, the fields augment_...

    Args:
      image: uint8 [height, width, 3].
      number: int64 scalar, at random; equal numbers change alike.
      hparams: HParams.

    Returns:
      uint8 [height, width, 3].
    """
    if hparams.augment_flip:
        image = random_flip(image, number)
    ops = []
    if hparams.augment_shift or hparams.augment_zoom or hparams.augment_rotation:
        ops.append(
            (
                random_placement,
                (hparams.augment_shift, hparams.augment_zoom, hparams.augment_rotation),
            )
        )
    if hparams.augment_color:
        ops.append((random_color, (hparams.augment_color,)))
    if hparams.augment_erase:
        ops.append((random_erase, (hparams.augment_erase,)))
    if not ops:
        return image
    seeds = tf.random.experimental.stateless_split(tf.stack([number, 0]), len(ops))
    changed = tf.cast(image, tf.float32)
    for (op, strengths), seed in zip(ops, tf.unstack(seeds)):
        changed = op(changed, seed, *strengths)
    return tf.cast(tf.round(changed), tf.uint8)
