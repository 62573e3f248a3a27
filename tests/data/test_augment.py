import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.augment import augment, random_color, random_flip, random_shift_and_zoom
from age_gender_estimation.model.hparams import HParams

SEEDS = [tf.constant([1, number]) for number in range(30)]
OPS = [
    random_flip,
    lambda image, seed: random_shift_and_zoom(image, seed, 0.2, 0.2),
    lambda image, seed: random_color(image, seed, 0.2),
]


@pytest.fixture
def image(noise_image):
    return tf.constant(noise_image[:40, :40], tf.float32)


@pytest.mark.parametrize("op", OPS)
def test_equal_seeds_change_alike_and_others_do_not(image, op):
    results = [op(image, seed).numpy() for seed in SEEDS]
    np.testing.assert_array_equal(results[3], op(image, SEEDS[3]))
    assert len({result.tobytes() for result in results}) > 1
    assert all(result.shape == image.shape and result.min() >= 0 and result.max() <= 255 for result in results)


@pytest.mark.parametrize("op", OPS)
def test_ops_in_a_dataset_equal_eager_ones(image, op):
    mapped = next(iter(tf.data.Dataset.from_tensors(image).map(lambda picture: op(picture, SEEDS[0]))))
    np.testing.assert_allclose(mapped, op(image, SEEDS[0]), atol=1e-3)


def test_flip_mirrors_about_half_of_the_time(image):
    flipped = [np.array_equal(random_flip(image, seed), image[:, ::-1]) for seed in SEEDS]
    assert 5 < sum(flipped) < 25


def test_shift_moves_by_at_most_its_share(image):
    # A vertical edge at x = 20 may end between 20 - 8 and 20 + 8.
    edge = tf.concat([tf.zeros([40, 20, 3]), 255 * tf.ones([40, 20, 3])], axis=1)
    places = [int((random_shift_and_zoom(edge, seed, 0.2, 0.0)[20, :, 0].numpy() < 127).sum()) for seed in SEEDS]
    assert 12 <= min(places) < 17 and 23 < max(places) <= 28


def test_zoom_keeps_the_centre(image):
    dot = np.zeros((41, 41, 3), np.float32)
    dot[18:23, 18:23] = 255
    for seed in SEEDS[:5]:
        moved = random_shift_and_zoom(tf.constant(dot), seed, 0.0, 0.3).numpy()[..., 0]
        rows, columns = np.nonzero(moved > 100)
        assert abs(rows.mean() - 20) < 0.6 and abs(columns.mean() - 20) < 0.6


def test_brightness_moves_the_mean_by_at_most_its_share():
    grey = tf.fill([8, 8, 3], 128.0)
    shifts = [float(tf.reduce_mean(random_color(grey, seed, 0.1))) - 128 for seed in SEEDS]
    assert max(map(abs, shifts)) <= 25.5 + 1e-3 and max(shifts) > 5 and min(shifts) < -5


def test_nothing_switched_on_changes_nothing(image):
    np.testing.assert_array_equal(augment(image, SEEDS[0], HParams(augment_flip=False)), image)
