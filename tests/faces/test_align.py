import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from age_gender_estimation.faces.align import UnusableFace, align_face, similarity_transform
from age_gender_estimation.faces.crop import GEOMETRIES, resize_square

TEMPLATE = np.array(GEOMETRIES["utkface"].template)


def apply(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


@pytest.fixture
def image():
    """uint8 [90, 120, 3], soft random colours."""
    return cv2.resize(np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8), (120, 90))


def test_a_quarter_turn_at_double_size_by_hand():
    # (x, y) -> (5 - 2 y, 5 + 2 x)
    matrix = similarity_transform([(0, 0), (1, 0), (0, 1)], [(5, 5), (5, 7), (3, 5)])
    np.testing.assert_allclose(matrix, [[0, -2, 5], [2, 0, 5]], atol=1e-12)


def test_points_that_do_not_fit_are_met_with_least_squares():
    # The scale is sum(source target) / sum(source source) = (1 + 1 + 3 + 3) / 4.
    cross = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    np.testing.assert_allclose(
        similarity_transform(cross, cross * (1, 3)), [[2, 0, 0], [0, 2, 0]], atol=1e-12
    )


def test_a_mirrored_face_is_not_mirrored_back():
    # Mirroring would fit exactly. Without it the long axis stays, and the scale is (4 + 4 - 1 - 1)
    # / 10.
    cross = np.array([(-2, 0), (2, 0), (0, -1), (0, 1)])
    np.testing.assert_allclose(
        similarity_transform(cross, cross * (1, -1)), [[0.6, 0, 0], [0, 0.6, 0]], atol=1e-12
    )


@settings(max_examples=50, deadline=None)
@given(
    angle=st.floats(-np.pi, np.pi),
    scale=st.floats(1e-3, 1e3),
    shift=st.tuples(*[st.floats(-1e4, 1e4)] * 2),
    seed=st.integers(0, 1000),
)
def test_any_similarity_is_recovered(angle, scale, shift, seed):
    points = np.random.default_rng(seed).uniform(-1, 1, (5, 2))
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = np.column_stack([turn, shift])
    np.testing.assert_allclose(
        similarity_transform(points, apply(expected, points)), expected, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), 7.3),  # all in one place
        np.full((5, 2), 1e6) + 1e-5 * TEMPLATE,
        np.zeros((5, 2)),
        np.full((5, 2), np.nan),
        np.where(np.arange(10).reshape(5, 2) == 3, np.nan, TEMPLATE * 50),
        np.where(np.arange(10).reshape(5, 2) == 3, np.inf, TEMPLATE * 50),
        TEMPLATE * 0.5,  # a face of half a pixel
        TEMPLATE * 1000,  # a face eight times as large as the photo
    ],
)
def test_landmarks_that_span_no_face_are_unusable(image, landmarks):
    with pytest.raises(UnusableFace, match="expected"):
        align_face(image, landmarks, TEMPLATE)


def test_a_face_that_fits_is_cut_without_touching_a_pixel(image):
    np.testing.assert_array_equal(
        align_face(image, TEMPLATE * 40 + (30, 20), TEMPLATE), image[20:60, 30:70]
    )


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_photo_gives_the_same_crop(image, quarters):
    x, y = (TEMPLATE * 40 + (30, 20)).T
    turned_points = {1: (y, 120 - x), 2: (120 - x, 90 - y), 3: (90 - y, x)}[quarters]
    aligned = align_face(
        np.ascontiguousarray(np.rot90(image, quarters)), np.stack(turned_points, axis=1), TEMPLATE
    )
    assert np.abs(aligned.astype(int) - image[20:60, 30:70]).max() <= 1


def test_the_border_is_repeated_outside_the_photo(image):
    aligned = align_face(image, TEMPLATE * 40 + (-10, 70), TEMPLATE)
    rows, columns = np.clip(np.arange(70, 110), 0, 89), np.clip(np.arange(-10, 30), 0, 119)
    np.testing.assert_array_equal(aligned, image[rows[:, None], columns])


def test_a_face_beside_the_photo_is_its_border(image):
    assert (align_face(image, TEMPLATE * 40 + (500, 500), TEMPLATE) == image[-1, -1]).all()


@pytest.mark.parametrize("degrees", [0, 20])
def test_shrinking_a_large_face_gives_no_pattern_that_is_not_there(degrees):
    # Stripes 5 pixels wide, finer than the 8 pixels that become one: what is left of them is false.
    stripes = (
        np.where(np.arange(1600) % 5 < 2, 230, 30)
        .astype(np.uint8)[None, :, None]
        .repeat(1600, 0)
        .repeat(3, 2)
    )
    upright = resize_square(stripes[350:1250, 350:1250], 112)
    turn = cv2.getRotationMatrix2D((800, 800), degrees, 1)
    landmarks = apply(turn, TEMPLATE * 900 + 350)
    crop = resize_square(align_face(stripes, landmarks, TEMPLATE), 112)
    unfiltered = cv2.warpAffine(
        stripes, similarity_transform(landmarks, TEMPLATE * 112), (112, 112)
    )
    assert abs(crop.mean() - 110) < 2 and crop.std() <= upright.std() < unfiltered.std() / 4
    if degrees == 0:
        np.testing.assert_array_equal(crop, upright)


def test_a_photo_wider_than_opencv_warps(image):
    wide = np.zeros((90, 33_000, 3), np.uint8)
    wide[:, -120:] = image
    points = TEMPLATE * 40 + (30, 20)
    np.testing.assert_array_equal(
        align_face(wide, points + (33_000 - 120, 0), TEMPLATE), image[20:60, 30:70]
    )
