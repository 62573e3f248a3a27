import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces.detector import find_faces


@pytest.fixture(scope="module")
def astronaut():
    return skimage.data.astronaut()  # 512 x 512; the face is about 80 pixels wide, around (223, 115)


def centre(box):
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])


def test_the_face_is_found_where_it_is(astronaut):
    (box,) = find_faces(astronaut)
    np.testing.assert_allclose(centre(box), [223, 115], atol=15)
    assert 60 < box[2] < 120 and 80 < box[3] < 150


def test_a_large_photo_is_searched_smaller_and_answered_in_its_own_pixels(astronaut):
    (box,) = find_faces(astronaut)
    (large,) = find_faces(cv2.resize(astronaut, None, fx=4, fy=4))
    np.testing.assert_allclose(np.array(large) / 4, box, atol=6)


def test_faces_come_largest_first(astronaut):
    half = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    both = np.hstack([np.vstack([half, np.zeros_like(half)]), astronaut])
    large, small = find_faces(both)
    np.testing.assert_allclose(centre(large), [223 + 256, 115], atol=15)
    np.testing.assert_allclose(centre(small), [112, 58], atol=10)


@pytest.mark.parametrize("shape", [(16, 16, 3), (100, 300, 3)])
def test_nothing_is_found_in_nothing(shape):
    assert find_faces(np.full(shape, 128, np.uint8)) == []
