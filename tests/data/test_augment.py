import cv2
import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.augment import (
    augment,
    random_color,
    random_erase,
    random_flip,
    random_grey,
    random_placement,
)
from age_gender_estimation.data.degrade import random_downscale, random_jpeg
from age_gender_estimation.training.hparams import HParams

SEEDS = [tf.constant([1, number]) for number in range(30)]
OPS = [
    lambda image, seed: random_placement(image, seed, 0.2, 0.2, 20.0),
    lambda image, seed: random_color(image, seed, 0.2),
    lambda image, seed: random_grey(image, seed, 0.5),
    lambda image, seed: random_erase(image, seed, 0.3),
]


@pytest.fixture
def image(noise_image):
    return tf.constant(noise_image[:40, :40], tf.float32)


@pytest.mark.parametrize("op", OPS)
def test_equal_seeds_change_alike_and_others_do_not(image, op):
    results = [op(image, seed).numpy() for seed in SEEDS]
    np.testing.assert_array_equal(results[3], op(image, SEEDS[3]))
    assert len({result.tobytes() for result in results}) > 1
    assert all(
        result.shape == image.shape and result.min() >= 0 and result.max() <= 255
        for result in results
    )


@pytest.mark.parametrize("op", OPS)
def test_ops_in_a_dataset_equal_eager_ones(image, op):
    mapped = next(
        iter(tf.data.Dataset.from_tensors(image).map(lambda picture: op(picture, SEEDS[0])))
    )
    np.testing.assert_allclose(mapped, op(image, SEEDS[0]), atol=1e-3)


def test_flip_mirrors_left_and_right_for_every_second_number(image):
    for number in (0, 1, 2**32 - 2, 2**32 - 1):
        expected = image if number % 2 else image[:, ::-1]
        np.testing.assert_array_equal(random_flip(image, tf.constant(number, tf.int64)), expected)


def test_shift_moves_by_at_most_its_share(image):
    # A vertical edge at x = 20 may end between 20 - 8 and 20 + 8.
    edge = tf.concat([tf.zeros([40, 20, 3]), 255 * tf.ones([40, 20, 3])], axis=1)
    places = [
        int((random_placement(edge, seed, 0.2, 0.0, 0.0)[20, :, 0].numpy() < 127).sum())
        for seed in SEEDS
    ]
    assert 12 <= min(places) < 17 and 23 < max(places) <= 28


def test_large_shifts_and_zooms_show_the_image_or_its_repeated_border():
    # Value = column (red) and row (green), which a bilinear move keeps exactly: in the output
    # red = a x + b, cut off at the first and last column.
    size = 112
    grid = np.stack(
        [*np.meshgrid(np.arange(size), np.arange(size)), np.full((size, size), 50)], axis=-1
    ).astype(np.float32)
    places, scales = [], []
    for seed in SEEDS:
        moved = random_placement(tf.constant(grid), seed, 0.3, 0.3, 0.0).numpy()
        for line in (moved[size // 2, :, 0], moved[:, size // 2, 1]):
            inside = np.flatnonzero((line > 0) & (line < size - 1))
            slope, start = np.polyfit(inside, line[inside], 1)
            expected = np.clip(start + slope * np.arange(size), 0, size - 1)
            np.testing.assert_allclose(line, expected, atol=0.01)
            scales.append(slope)
            places.append(start + slope * (size - 1) / 2 - (size - 1) / 2)
        np.testing.assert_allclose(moved[..., 2], 50, atol=1e-3)  # no black
    assert 0.7 <= min(scales) < 0.8 and 1.2 < max(scales) <= 1.3
    assert 25 < max(places) <= 0.3 * size and -0.3 * size <= min(places) < -25


def test_zoom_keeps_the_centre(image):
    dot = np.zeros((41, 41, 3), np.float32)
    dot[18:23, 18:23] = 255
    for seed in SEEDS[:5]:
        moved = random_placement(tf.constant(dot), seed, 0.0, 0.3, 0.0).numpy()[..., 0]
        rows, columns = np.nonzero(moved > 100)
        assert abs(rows.mean() - 20) < 0.6 and abs(columns.mean() - 20) < 0.6


def test_rotation_turns_around_the_centre_by_at_most_its_degrees_both_ways():
    bar = np.zeros((61, 61, 3), np.float32)
    bar[29:32, 50:59] = 255  # 24 pixels to the right of the centre
    angles = []
    for seed in SEEDS:
        rows, columns = np.nonzero(
            random_placement(tf.constant(bar), seed, 0.0, 0.0, 20.0).numpy()[..., 0] > 100
        )
        angles.append(np.degrees(np.arctan2(rows.mean() - 30, columns.mean() - 30)))
        assert abs(np.hypot(rows.mean() - 30, columns.mean() - 30) - 24) < 1
    assert -21 < min(angles) < -12 and 12 < max(angles) < 21


def test_erasing_hides_one_rectangle_of_at_most_its_share_and_nothing_else(image):
    mean = image.numpy().mean((0, 1))
    shares = []
    for seed in SEEDS:
        erased = random_erase(image, seed, 0.25).numpy()
        hidden = (erased != image.numpy()).any(axis=-1)
        shares.append(hidden.mean())
        if hidden.any():
            rows, columns = (np.nonzero(hidden.any(axis=axis))[0] for axis in (1, 0))
            assert hidden.sum() == len(rows) * len(columns) and max(len(rows), len(columns)) <= 20
            np.testing.assert_allclose(
                erased[hidden], np.broadcast_to(mean, erased[hidden].shape), atol=0.01
            )
    assert max(shares) <= 0.25 and np.mean(shares) > 0.02


def test_brightness_moves_the_mean_by_at_most_its_share():
    grey = tf.fill([8, 8, 3], 128.0)
    shifts = [float(tf.reduce_mean(random_color(grey, seed, 0.1))) - 128 for seed in SEEDS]
    assert max(map(abs, shifts)) <= 25.5 + 1e-3 and max(shifts) > 5 and min(shifts) < -5


def test_erasing_hides_the_pixels_whose_middle_is_in_the_drawn_rectangle(image):
    for seed in SEEDS:
        centre, reach = tf.random.stateless_uniform([2, 2], seed).numpy() * 40
        reach *= 0.25**0.5 / 2  # half of the side
        rows, columns = (
            np.abs(np.arange(40) + 0.5 - centre[axis]) < reach[axis] for axis in range(2)
        )
        hidden = (random_erase(image, seed, 0.25).numpy() != image.numpy()).any(axis=-1)
        np.testing.assert_array_equal(hidden, np.outer(rows, columns))


def test_contrast_saturation_and_brightness_change_pixels_as_written(image):
    # One after the other, with the numbers that the seed draws.
    pixels = image.numpy().astype(np.float64)
    for seed in SEEDS[:5]:
        draws = tf.random.stateless_uniform([3], seed, -0.3, 0.3).numpy()
        brightness, contrast, saturation = draws.astype(np.float64)
        expected = pixels.mean() + (1 + contrast) * (pixels - pixels.mean())
        grey = (expected @ [0.299, 0.587, 0.114])[..., np.newaxis]
        expected = grey + (1 + saturation) * (expected - grey) + 255 * brightness
        np.testing.assert_allclose(random_color(image, seed, 0.3), expected.clip(0, 255), atol=0.01)


def test_grey_is_the_luminance_in_three_channels_and_drawn_with_its_probability(image):
    colours = tf.constant(
        [[[100.0, 0.0, 0.0], [0.0, 100.0, 0.0]], [[0.0, 0.0, 100.0], [255.0] * 3]]
    )
    expected = np.array([[29.9, 58.7], [11.4, 255.0]])[..., np.newaxis].repeat(3, axis=-1)
    np.testing.assert_allclose(random_grey(colours, SEEDS[0], 1.0), expected, atol=1e-3)
    grey = cv2.cvtColor(image.numpy(), cv2.COLOR_RGB2GRAY)[..., np.newaxis]
    changed = 0
    for number in range(100):  # 30 expected, with a standard deviation of 4.6
        result = random_grey(image, tf.constant([7, number]), 0.3).numpy()
        is_grey = (result != image.numpy()).any()
        np.testing.assert_allclose(result, grey.repeat(3, -1) if is_grey else image, atol=0.01)
        changed += is_grey
    assert 16 <= changed <= 44


def test_the_file_is_damaged_last_with_a_seed_of_each_op(image):
    number = tf.constant(5, tf.int64)
    one, two = tf.unstack(tf.random.experimental.stateless_split(tf.stack([number, 0]), 2))
    expected = random_jpeg(random_downscale(image, one, 1.0), two, 1.0)
    hparams = HParams(augment_flip=False, augment_jpeg=1.0, augment_downscale=1.0)
    np.testing.assert_array_equal(
        augment(tf.cast(image, tf.uint8), number, hparams), tf.cast(expected, tf.uint8)
    )


def test_each_op_is_switched_on_by_its_own_field(image):
    picture = tf.cast(image, tf.uint8)
    results = {
        augment(picture, tf.constant(5, tf.int64), HParams(augment_flip=False, **{field: 1.0}))
        .numpy()
        .tobytes()
        for field in ("augment_grey", "augment_blur", "augment_downscale", "augment_jpeg")
    }
    assert len({*results, picture.numpy().tobytes()}) == 5


def test_an_op_that_joins_leaves_the_draws_of_those_before_it(image):
    number, picture = tf.constant(5, tf.int64), tf.cast(image, tf.uint8)
    one, other = (
        augment(picture, number, HParams(augment_shift=0.1, augment_jpeg=probability))
        for probability in (0.0, 1e-9)
    )
    np.testing.assert_array_equal(one, other)


def test_nothing_switched_on_changes_nothing(image):
    np.testing.assert_array_equal(
        augment(image, tf.constant(2, tf.int64), HParams(augment_flip=False)), image
    )


def test_all_of_it_takes_and_gives_bytes_and_depends_on_the_number_alone(image):
    hparams = HParams(augment_shift=0.1, augment_rotation=9.0, augment_color=0.2, augment_erase=0.2)
    picture = tf.cast(image, tf.uint8)
    one, again, other = (
        augment(picture, tf.constant(number, tf.int64), hparams).numpy() for number in (4, 4, 6)
    )
    assert one.dtype == np.uint8 and one.shape == picture.shape
    np.testing.assert_array_equal(one, again)
    assert (one != other).mean() > 0.5
    # Rounded: of a picture brightened by a share of one grey, all pixels move by the same amount.
    grey = augment(
        tf.fill([8, 8, 3], tf.constant(100, tf.uint8)),
        tf.constant(1, tf.int64),
        HParams(augment_color=0.01),
    )
    assert np.ptp(grey.numpy()) == 0 and abs(int(grey[0, 0, 0]) - 100) <= 4
