"""Random changes to training pictures; nothing else in the project draws on them.

Every op takes float32 [height, width, 3] in [0, 255] and an int32 [2] seed, and gives the same back for the same seed.
"""
import tensorflow as tf


def random_flip(image, seed):
    """Mirrors left and right half of the time."""
    return tf.image.stateless_random_flip_left_right(image, seed)


def random_shift_and_zoom(image, seed, shift, zoom):
    """Moves by up to `shift` of the side each way and scales by up to 1 +- `zoom`; the border is repeated outwards."""
    draws = tf.random.stateless_uniform([3], seed, -1.0, 1.0)
    size = tf.cast(tf.shape(image)[0], tf.float32)
    scale = 1.0 + zoom * draws[0]
    centre = (size - 1.0) / 2.0
    # Output pixel x shows input pixel scale * x + offset: the centre stays, then moves by the shift.
    offsets = centre * (1.0 - scale) + shift * size * draws[1:]
    transform = tf.stack([scale, 0.0, offsets[0], 0.0, scale, offsets[1], 0.0, 0.0])
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=image[tf.newaxis], transforms=transform[tf.newaxis], output_shape=tf.shape(image)[:2],
        interpolation="BILINEAR", fill_mode="NEAREST", fill_value=0.0)
    return tf.ensure_shape(moved[0], image.shape)


def random_color(image, seed, strength):
    """Changes brightness (by up to `strength` of the range), contrast and saturation (up to 1 +- `strength`)."""
    brightness, contrast, saturation = tf.unstack(tf.random.stateless_uniform([3], seed, -strength, strength))
    mean = tf.reduce_mean(image)
    image = mean + (1.0 + contrast) * (image - mean)
    grey = tf.image.rgb_to_grayscale(image)
    image = grey + (1.0 + saturation) * (image - grey)
    return tf.clip_by_value(image + 255.0 * brightness, 0.0, 255.0)


def augment(image, seed, hparams):
    """Applies what the hyper-parameters switch on: augment_flip, augment_shift, augment_zoom, augment_color."""
    seeds = tf.random.experimental.stateless_split(seed, 3)
    if hparams.augment_flip:
        image = random_flip(image, seeds[0])
    if hparams.augment_shift or hparams.augment_zoom:
        image = random_shift_and_zoom(image, seeds[1], hparams.augment_shift, hparams.augment_zoom)
    if hparams.augment_color:
        image = random_color(image, seeds[2], hparams.augment_color)
    return image
