"""MTCNN beside the Python package whose weights it has, and its parts by hand."""

import functools
import itertools
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces.mtcnn import Mtcnn, _square, _windows, suppress
from age_gender_estimation.faces.photo import decode_photo

# A folder with photos of people, for a comparison on more than the one photo that is free.
PHOTOS = os.environ.get("AGE_GENDER_PHOTO_DIR")


@pytest.fixture(scope="module")
def network():
    return Mtcnn()


@functools.cache
def package():
    mtcnn = pytest.importorskip("mtcnn", reason="the package mtcnn is not installed")
    import tensorflow as tf

    with tf.Graph().as_default():  # whatever another test left behind
        pass
    return mtcnn.MTCNN()


def samples():
    """Yields images: a photo, larger, smaller, turned, cut, and with noise."""
    astronaut = skimage.data.astronaut()
    yield astronaut
    yield cv2.resize(astronaut, (901, 640), interpolation=cv2.INTER_CUBIC)
    yield cv2.resize(astronaut, (333, 250), interpolation=cv2.INTER_AREA)
    yield np.ascontiguousarray(astronaut[40:, 190:300])  # the face reaches over two borders
    yield np.hstack([astronaut, astronaut[:, ::-1], cv2.GaussianBlur(astronaut, (0, 0), 2)])
    yield np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    yield np.full((13, 700, 3), 90, np.uint8)
    yield np.full((5, 5, 3), 90, np.uint8)


def compare(network, images):
    """Returns (number of faces, largest difference in pixels); asserts that both find the same."""
    count, largest = 0, 0.0
    for image in images:
        boxes, landmarks, scores = network.detect(image)
        rows = package().detect_faces(image, fit_to_image=False, output_type="numpy")
        assert len(rows) == len(boxes)
        expected = np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]])
        places = rows[:, 6:].reshape(-1, 2, 5).transpose(0, 2, 1)
        for found, other in ((boxes, expected), (landmarks, places)):
            largest = max(largest, np.abs(found - other).max(initial=0))
        np.testing.assert_allclose(scores, rows[:, 5], atol=0.001)
        count += len(rows)
    return count, largest


@pytest.mark.slow
def test_it_finds_what_the_package_finds(network):
    count, largest = compare(network, samples())
    assert count >= 7 and largest < 0.05


@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS, reason="AGE_GENDER_PHOTO_DIR names no folder of photos")
def test_it_finds_what_the_package_finds_in_many_photos(network, capsys):
    paths = sorted(path for path in pathlib.Path(PHOTOS).iterdir() if path.suffix == ".jpg")[:300]
    count, largest = compare(network, (decode_photo(path.read_bytes()) for path in paths))
    with capsys.disabled():
        print(f"\n{count} faces in {len(paths)} photos: at most {largest:.4f} pixels apart")
    assert largest < 0.5


def test_the_astronaut_is_found_where_the_package_finds_her(network):
    """Recorded from the package mtcnn 1.0.0 with TensorFlow 2.15.1."""
    places = [(203.541, 100.103), (245.409, 102.238), (224.224, 126.420)]
    places += [(201.789, 138.587), (244.389, 140.377)]
    boxes, landmarks, scores = network.detect(skimage.data.astronaut())
    np.testing.assert_allclose(boxes, [(181.598, 63.726, 264.553, 171.079)], atol=0.05)
    np.testing.assert_allclose(landmarks, [places], atol=0.05)
    assert scores == pytest.approx([0.99912], abs=1e-4)


def test_threads_get_the_same_answers(network):
    astronaut = skimage.data.astronaut()[:200, 130:330]
    images = [np.roll(astronaut, 10 * number, axis=1) for number in range(16)]
    alone = [network.detect(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        for first, second in zip(alone, pool.map(network.detect, images)):
            for one, other in zip(first, second):
                np.testing.assert_array_equal(one, other)


def test_a_surer_box_drops_those_that_overlap_it_too_much():
    # The second shares 8 x 10 of 120 with the first (2/3), the third 2 x 10 of 180 with it (1/9)
    # and 4 x 10 of 160 with the second (1/4); the fourth lies within the first.
    boxes = np.array([(0, 0, 10, 10), (2, 0, 12, 10), (8, 0, 18, 10), (1, 1, 3, 3)], float)
    scores = np.array([0.8, 0.9, 0.7, 0.6])
    assert suppress(boxes, scores, 0.7).tolist() == [1, 0, 2, 3]
    assert suppress(boxes, scores, 0.5).tolist() == [1, 2, 3]
    # 0.2 drops the third because of the second, though its overlap with the first is smaller.
    assert suppress(boxes, scores, 0.2).tolist() == [1, 3]
    # Of the smaller area: the fourth, 1 x 2 of 4 within the second and all within the first.
    assert suppress(boxes, scores, 0.7, "smaller").tolist() == [1, 2]
    assert suppress(np.empty((0, 4)), np.empty(0), 0.5).tolist() == []


def test_a_dropped_box_drops_others():
    boxes = np.array([(0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)], float)
    # Neighbours share 6 of 14; the first and the last 2 of 18.
    assert suppress(boxes, np.array([0.9, 0.8, 0.7]), 0.4).tolist() == [0]


def test_many_boxes_give_what_pairs_by_pairs_give():
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 100, (400, 2))
    boxes = np.hstack([corners, corners + generator.uniform(5, 40, (400, 2))])
    scores = generator.permutation(400) / 400
    dropped = set()
    for (one, a), (other, b) in itertools.permutations(enumerate(boxes.tolist()), 2):
        width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
        if width > 0 and height > 0 and scores[one] < scores[other]:
            areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
            if width * height > 0.3 * (sum(areas) - width * height):
                dropped.add(one)
    kept = suppress(boxes, scores, 0.3)
    assert set(kept) == set(range(400)) - dropped and 20 < len(kept) < 380
    assert (np.diff(scores[kept]) < 0).all()


def test_a_box_becomes_the_square_around_its_centre():
    assert _square(np.array([(0.0, 0, 10, 4), (5, 5, 6, 9)])).tolist() == [
        [0, -3, 10, 7],
        [3.5, 5, 7.5, 9],
    ]


def test_a_window_is_interpolated_and_grey_outside():
    # x + 10 y everywhere, so a point's value is its place; an image of 9 x 5 counts as 8 x 4 wide.
    rows, columns = np.mgrid[:5, :9].astype(np.float32)
    planes = np.stack([columns + 10 * rows, columns, rows])
    windows = _windows(planes, np.array([(0.9, 1.25, 4.5, 3.75), (-9, 0, 9, 5)]), 3)
    x, y = np.array([0.8, 2.4, 4.0]), np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(windows[0, 1], np.tile(x, (3, 1)), atol=1e-6)
    np.testing.assert_allclose(windows[0, 0], x + 10 * y[:, None], atol=1e-5)
    # Columns -8, 0 and 8: the first lies outside.
    np.testing.assert_allclose(windows[1, 1], np.tile([0, 0, 8], (3, 1)), atol=1e-6)
    np.testing.assert_allclose(windows[1, 2], [[0, 0, 0], [0, 2, 2], [0, 4, 4]], atol=1e-6)
