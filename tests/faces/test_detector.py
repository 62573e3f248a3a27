import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces import detector
from age_gender_estimation.faces.align import similarity_transform
from age_gender_estimation.faces.crop import GEOMETRIES, crop_face, resize_square
from age_gender_estimation.faces.detector import FaceSearch, central_face, find_faces
from age_gender_estimation.faces.face import Face, turn_image
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def astronaut():
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


class Network:
    """Finds what it is told to: {(rows, columns) of the image: rows of box, confidence}."""

    def __init__(self, found):
        self.found, self.searched = found, []

    def detect(self, image):
        self.searched.append(image.shape[:2])
        rows = np.array(self.found.get(image.shape[:2], np.empty((0, 5))), float)
        places = np.arange(10.0).reshape(2, 5).T
        return rows[:, :4], np.tile(places, (len(rows), 1, 1)), rows[:, 4]


@pytest.fixture
def network(monkeypatch):
    def install(found):
        network = Network(found)
        monkeypatch.setattr(detector, "load_network", lambda name: network)
        return network

    return install


def test_what_has_no_size_or_lies_outside_is_no_face(network):
    boxes = [
        (1, 2, 10, 11),
        (1, 2, 1, 11),
        (1, 2, 10, 1),
        (np.nan,) * 4,
        (200, 2, 209, 11),
        (-20, 2, -11, 11),
    ]
    network({(50, 100): [(*box, 0.995) for box in boxes] + [(1, 2, 10, 11, 0.8)]})
    (face,) = find_faces(np.zeros((50, 100, 3), np.uint8))
    assert face.box == (1, 2, 9, 9)
    assert face.landmarks.tolist() == [[0, 5], [1, 6], [2, 7], [3, 8], [4, 9]]


def test_the_settings_of_a_search_choose_among_the_faces(network):
    image = np.zeros((50, 100, 3), np.uint8)
    rows = [
        (0, 0, 10, 12, 0.93),
        (20, 0, 40, 22, 0.999),
        (50, 0, 80, 40, 0.995),
        (0, 0, 9, 9, 0.85),
    ]
    network({(50, 100): rows})

    def widths(**settings):
        return [face.box[2] for face in find_faces(image, FaceSearch(**settings))]

    assert widths() == [30, 20, 10]
    assert widths(max_faces=2) == [30, 20]
    assert widths(min_face=20) == [30, 20] and widths(min_face=21) == [30]
    assert widths(min_confidence=0.95) == [30, 20] and widths(min_confidence=0.8) == [30, 20, 10, 9]


def test_a_sure_find_ends_the_search_and_turned_copies_are_searched_for_a_surer_one(network):
    image = np.zeros((60, 100, 3), np.uint8)
    upright, on_its_side = (60, 100), (100, 60)
    sure = network({upright: [(0, 0, 9, 9, 0.999)], on_its_side: [(0, 0, 9, 9, 1.0)]})
    assert find_faces(image)[0].rotation == 0 and sure.searched == [upright]
    # It must leave a third of the doubt: 0.02 instead of 0.07, not 0.03.
    network({upright: [(0, 0, 9, 9, 0.93)], on_its_side: [(0, 0, 9, 9, 0.97)]})
    assert find_faces(image)[0].rotation == 0
    network({on_its_side: [(0, 0, 9, 9, 0.91)]})
    assert find_faces(image)[0].rotation == 90  # rather than nothing
    weak = network({upright: [(0, 0, 9, 9, 0.93)], on_its_side: [(2, 3, 12, 23, 0.98)]})
    (face,) = find_faces(image)
    assert weak.searched == [upright, on_its_side, upright, on_its_side]
    assert find_faces(image, FaceSearch("yunet"))[0].rotation == 0  # from 0.9 on it is sure
    # Turned left, the image is 60 wide and 100 high: x there is y here, and y is 100 - x.
    assert face.rotation == 90 and face.box == (100 - 23, 2, 20, 10)
    assert face.landmarks.tolist() == [[100 - y, x] for x, y in zip(range(5), range(5, 10))]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_photo_on_its_side_or_head_gives_the_upright_crops(astronaut, upright, degrees):
    turned = np.ascontiguousarray(turn_image(astronaut, degrees))
    (face,) = find_faces(turned)
    assert face.rotation == degrees and face.confidence == pytest.approx(upright.confidence)
    for geometry in GEOMETRIES.values():
        crops = [crop_face(astronaut, upright, geometry), crop_face(turned, face, geometry)]
        assert crops[0].shape == crops[1].shape
        assert np.abs(crops[0].astype(int) - crops[1]).mean() < 0.2


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


SOAK = """
import ctypes, time, cv2, numpy as np, skimage.data
from age_gender_estimation.faces.detector import find_faces

def resident_mb():
    ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is freed, but kept for later, is no leak
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

photo, generator = skimage.data.astronaut(), np.random.default_rng(0)
times, memory = [], {}
for number in range(2000):
    width, height = generator.integers(120, 260, 2)
    image = cv2.resize(photo[:250, 100:350], (int(width), int(height)))
    started = time.process_time()
    assert bool(find_faces(image if number % 10 else image // 16)) == bool(number % 10)
    times.append(time.process_time() - started)
    if number in (100, 1999):
        memory[number] = resident_mb()
print(memory[1999] - memory[100], sum(times[:500]), sum(times[-500:]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not pathlib.Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_2000_searches_take_no_more_memory_or_time_than_the_first():
    """Photos of changing sizes; each tenth has no face, so that its turned copies are searched.

    In a process of its own: in this one, other tests' memory comes and goes.
    """
    done = subprocess.run(
        [sys.executable, "-c", SOAK], cwd=ROOT, check=True, capture_output=True, text=True
    )
    growth, first, last = map(float, done.stdout.split())
    assert growth < 10 and last < 1.5 * first, done.stdout
