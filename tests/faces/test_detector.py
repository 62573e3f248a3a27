import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces import detector
from age_gender_estimation.faces.align import similarity_transform
from age_gender_estimation.faces.crop import GEOMETRIES, crop_face, resize_square
from age_gender_estimation.faces.detector import Face, _mtcnn, central_face, find_faces


@pytest.fixture(scope="module")
def astronaut():
    # Keras networks made before an Estimator ran in this process are invalid after it.
    _mtcnn.cache_clear()
    return (
        skimage.data.astronaut()
    )  # 512 x 512; the face is about 80 pixels wide, around (223, 115)


@pytest.fixture(scope="module")
def upright(astronaut):
    (face,) = find_faces(astronaut)
    return face


def centre(face):
    left, top, width, height = face.box
    return np.array([left + width / 2, top + height / 2])


def test_the_face_is_found_where_it_is(upright):
    np.testing.assert_allclose(centre(upright), [223, 115], atol=15)
    assert 60 < upright.box[2] < 120 and 80 < upright.box[3] < 150 and 0.9 < upright.confidence <= 1


def test_landmarks_lie_on_eyes_nose_and_mouth_left_ones_on_the_left(upright):
    # Looked up by hand in the photo.
    expected = [(204, 101), (245, 102), (225, 124), (204, 139), (244, 140)]
    np.testing.assert_allclose(upright.landmarks, expected, atol=4)


def test_a_large_photo_is_searched_smaller_and_answered_in_its_own_pixels(astronaut, upright):
    (large,) = find_faces(cv2.resize(astronaut, None, fx=4, fy=4))
    np.testing.assert_allclose(np.array(large.box) / 4, upright.box, atol=6)
    np.testing.assert_allclose(large.landmarks / 4, upright.landmarks, atol=2)


@pytest.mark.parametrize("degrees, scale", [(20, 1.5), (-20, 0.6)])
def test_a_turned_and_scaled_face_is_aligned_like_the_upright_one(
    astronaut, upright, degrees, scale
):
    side = round(512 * scale)
    image = cv2.resize(
        astronaut, (side, side), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    turn = cv2.getRotationMatrix2D((side / 2 - 0.5, side / 2 - 0.5), degrees, 1)
    image = cv2.warpAffine(
        image, turn, (side, side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    (face,) = find_faces(image)
    geometry = GEOMETRIES["utkface"]
    crops = [
        resize_square(crop_face(*pair, geometry), 112)
        for pair in ((astronaut, upright), (image, face))
    ]
    assert np.abs(crops[0].astype(int) - crops[1]).mean() < 13
    # The upright photo's landmarks, carried into the turned one and from there into the crop.
    centred = cv2.getRotationMatrix2D((side / 2, side / 2), degrees, 1)
    carried = (upright.landmarks * side / 512) @ centred[:, :2].T + centred[:, 2]
    to_crop = [
        similarity_transform(found.landmarks, geometry.template) for found in (upright, face)
    ]
    landed = [
        points @ matrix[:, :2].T + matrix[:, 2]
        for points, matrix in zip((upright.landmarks, carried), to_crop)
    ]
    assert np.abs(landed[0] - landed[1]).max() < 0.02


def test_faces_come_largest_first(astronaut):
    half = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    both = np.hstack([np.vstack([half, np.zeros_like(half)]), astronaut])
    large, small = find_faces(both)
    np.testing.assert_allclose(centre(large), [223 + 256, 115], atol=15)
    np.testing.assert_allclose(centre(small), [112, 58], atol=10)


def test_a_face_that_fills_the_picture_is_found_with_a_border_around_it(
    astronaut, upright, monkeypatch
):
    tight = astronaut[85:155, 190:260]
    for scale in (1, 6):
        (face,) = find_faces(cv2.resize(tight, None, fx=scale, fy=scale))
        np.testing.assert_allclose(face.landmarks / scale + (190, 85), upright.landmarks, atol=4)
    monkeypatch.setattr(detector, "CLOSE_UP_BORDER", 0)
    assert find_faces(tight) == []


@pytest.mark.parametrize("shape", [(16, 16, 3), (100, 300, 3), (16, 9000, 3)])
def test_nothing_is_found_in_nothing(shape):
    assert find_faces(np.full(shape, 128, np.uint8)) == []


def test_what_has_no_size_or_lies_outside_is_no_face(monkeypatch):
    class Network:
        def detect_faces(self, image, **options):
            boxes = [
                (1, 2, 9, 9),
                (1, 2, 0, 9),
                (1, 2, 9, -1),
                (np.nan,) * 4,
                (200, 2, 9, 9),
                (-20, 2, 9, 9),
            ]
            return np.array(
                [(0, *box, 0.99, *range(10)) for box in boxes] + [(0, 1, 2, 9, 9, 0.8, *range(10))]
            )

    monkeypatch.setattr(detector, "_mtcnn", Network)
    (face,) = find_faces(np.zeros((50, 100, 3), np.uint8))
    assert face.box == (1, 2, 9, 9) and face.landmarks.tolist() == [
        [0, 5],
        [1, 6],
        [2, 7],
        [3, 8],
        [4, 9],
    ]


@pytest.mark.parametrize(
    "boxes, expected",
    [
        ([(40, 40, 20, 20), (10, 10, 20, 20)], 0),  # equally large: the nearer
        ([(40, 40, 20, 20), (30, 30, 40, 40)], 1),  # equally near: the larger
        # 10 - 0 against 40 - 10: a small find in the very centre does not win
        ([(45, 45, 10, 10), (40, 30, 40, 40)], 1),
        # 40 - 0 against 50 - 71: neither does a larger face in the corner
        ([(30, 30, 40, 40), (75, 75, 50, 50)], 0),
    ],
)
def test_the_person_of_a_picture_is_large_and_near_its_centre(boxes, expected):
    faces = [Face(box, np.zeros((5, 2)), 1.0) for box in boxes]
    assert central_face(faces, np.zeros((100, 100, 3), np.uint8)) is faces[expected]
