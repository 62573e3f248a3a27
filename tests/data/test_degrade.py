import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from age_gender_estimation.data.degrade import random_blur, random_downscale, random_jpeg

OPS = [random_blur, random_downscale, random_jpeg]
SEEDS = [tf.constant([2, number]) for number in range(40)]


@pytest.fixture
def picture(noise_image):
    """uint8 [112, 112, 3]."""
    return cv2.resize(noise_image[:, :40], (112, 112), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def image(picture):
    return tf.constant(picture, tf.float32)


@pytest.mark.parametrize("op", OPS)
def test_equal_seeds_change_alike_and_others_do_not(image, op):
    results = [op(image, seed, 1.0).numpy() for seed in SEEDS[:8]]
    np.testing.assert_array_equal(results[3], op(image, SEEDS[3], 1.0))
    assert len({result.tobytes() for result in results}) > 6
    for result in results:
        assert result.dtype == np.float32 and result.shape == image.shape
        assert result.min() >= 0 and result.max() <= 255


@pytest.mark.parametrize("op", OPS)
def test_ops_in_a_dataset_equal_eager_ones_drawn_or_not(image, op):
    seeds = tf.data.Dataset.from_tensor_slices(tf.stack(SEEDS[:8]))
    mapped = seeds.map(lambda seed: op(image, seed, 0.5))
    assert mapped.element_spec.shape == image.shape
    changed = []
    for seed, result in zip(SEEDS, mapped):
        np.testing.assert_allclose(result, op(image, seed, 0.5), atol=1e-3)
        changed.append(bool((result != image).numpy().any()))
    assert len(set(changed)) == 2


@pytest.mark.parametrize("op", OPS)
def test_the_probability_is_the_share_of_changed_images(op):
    # 200 draws of 0.3: 60, with a standard deviation of 6.5.
    image = tf.random.stateless_uniform([64, 64, 3], [1, 1], maxval=255)
    numbers = tf.data.Dataset.range(200)
    results = numbers.map(lambda number: op(image, tf.stack([number, 5]), 0.3))
    changed = sum(bool((result != image).numpy().any()) for result in results)
    assert 40 <= changed <= 80
    np.testing.assert_array_equal(op(image, SEEDS[0], 0.0), image)


def test_blur_spreads_a_point_by_its_sigma_as_opencv_does():
    # A point in row 30 and column 60 of 101; the variance of its rows is sigma squared, and sigma
    # is 0.005 to 0.02 of the side: 0.505 to 2.02 pixels.
    point = np.zeros((101, 101, 3), np.float32)
    point[30, 60] = 255, 100, 30
    places, sigmas = np.arange(101.0), []
    for seed in SEEDS:
        blurred = random_blur(tf.constant(point), seed, 1.0).numpy()
        rows, columns = (blurred[..., 0].sum(axis=axis) / 255 for axis in (1, 0))
        np.testing.assert_allclose([rows.sum(), columns.sum()], 1, atol=1e-5)
        sigmas.append(np.sqrt(rows @ (places - 30) ** 2))
        assert abs(sigmas[-1] - np.sqrt(columns @ (places - 60) ** 2)) < 1e-4
        if sigmas[-1] > 0.8:  # below, the variance of so few samples is not quite sigma's square
            expected = cv2.GaussianBlur(point, (41, 41), sigmas[-1])
            np.testing.assert_allclose(blurred, expected, atol=0.05)
    assert 0.48 < min(sigmas) < 0.7 and 1.8 < max(sigmas) <= 2.03


def test_blur_keeps_one_colour_up_to_the_border(image):
    colour = tf.ones([40, 40, 3]) * [255.0, 128.0, 0.0]
    np.testing.assert_allclose(random_blur(colour, SEEDS[0], 1.0), colour, atol=1e-3)


def downscaled(image, side):
    """The same by other libraries: OpenCV averages areas, Pillow enlarges by cubics."""
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    channels = [
        Image.fromarray(small[..., channel]).resize(image.shape[:2], Image.Resampling.BICUBIC)
        for channel in range(3)
    ]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1).clip(0, 255)


def test_downscaling_leaves_20_to_60_pixels(picture):
    image = picture.astype(np.float32)
    expected = {side: downscaled(image, side) for side in range(18, 63)}
    sides = []
    for seed in SEEDS:
        result = random_downscale(tf.constant(image), seed, 1.0).numpy()
        fits = {side: np.abs(result - other).max() for side, other in expected.items()}
        sides.append(min(fits, key=fits.__getitem__))
        assert fits[sides[-1]] < 0.1
    assert 20 <= min(sides) <= 23 and 57 <= max(sides) <= 60 and len(set(sides)) > 15


def test_downscaling_leaves_smaller_images_as_they_are():
    small = tf.random.stateless_uniform([16, 16, 3], [1, 1], maxval=255)
    for seed in SEEDS[:4]:
        np.testing.assert_allclose(random_downscale(small, seed, 1.0), small, atol=1e-3)


def test_jpeg_is_the_file_that_opencv_writes_with_a_quality_of_15_to_60(picture):
    expected = {}
    for quality in range(13, 63):
        file = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        expected[cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1].tobytes()] = quality
    image = tf.constant(picture - 0.4, tf.float32)  # the file gets whole numbers, rounded
    qualities = [
        expected[random_jpeg(image, seed, 1.0).numpy().astype(np.uint8).tobytes()] for seed in SEEDS
    ]
    assert 15 <= min(qualities) <= 19 and 56 <= max(qualities) <= 60 and len(set(qualities)) > 15
