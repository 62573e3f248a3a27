import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data import images
from age_gender_estimation.predict.resize import resize


# 25 / 14 pixels for one, as from UTKFace's 200: one sum in 3,000 lies midway between grey levels.
@pytest.mark.parametrize(
    "height, width, size",
    [(200, 200, 112), (133, 133, 112), (113, 111, 112), (40, 60, 112), (17, 300, 32), (64, 16, 32)],
)
def test_pixels_are_equal_to_those_of_the_exported_graph(height, width, size):
    noise = np.random.default_rng(height).integers(0, 256, (3, height, width, 3), np.uint8)
    expected = images.resize(tf.constant(noise), size).numpy()
    np.testing.assert_array_equal(resize(noise, size), expected)


def test_an_area_is_averaged_with_a_triangle():
    """By hand: 4 pixels to 2, so the triangle is 2 pixels wide on each side of the centre."""
    row = np.array([0, 80, 160, 240], np.uint8)
    image = np.broadcast_to(row[:, np.newaxis], (1, 4, 4, 3))
    # The first centre is 1.0: distances 0.5, 0.5 and 1.5 weigh 3/4, 3/4 and 1/4, together 7/4.
    first = round((0.75 * 0 + 0.75 * 80 + 0.25 * 160) / 1.75)
    assert first == 57
    assert resize(image, 2)[0, 0, :, 0].tolist() == [57, 240 - 57]


def test_images_of_the_size_stay_as_they_are():
    image = np.zeros((1, 8, 8, 3), np.uint8)
    assert resize(image, 8) is image
