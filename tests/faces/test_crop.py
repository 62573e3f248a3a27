import json

import numpy as np
import pytest

from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.align import UnusableFace
from age_gender_estimation.faces.crop import (
    GEOMETRIES,
    AlignedGeometry,
    Geometry,
    check_detector,
    crop_face,
    load_geometry,
    resize_square,
)
from age_gender_estimation.faces.face import Face, turn_face, turn_image


def face(*box):
    return Face(box, np.zeros((5, 2)), 1.0)


def test_imdb_wiki_margin_is_40_percent_on_each_side():
    # Every pixel says where it lies. A 10 x 10 box at (20, 30) with 4 pixels around it: x 16..33, y
    # 26..43.
    image = np.stack(np.meshgrid(np.arange(100), np.arange(100), [0], indexing="xy"), axis=-1)[
        :, :, 0
    ].astype(np.uint8)
    crop = crop_face(image, face(20, 30, 10, 10), GEOMETRIES["imdb_wiki"])
    assert crop.shape == (18, 18, 3)
    assert crop[0, 0].tolist() == [16, 26, 0] and crop[-1, -1].tolist() == [33, 43, 0]


def test_shift_moves_the_crop_down():
    image = np.repeat(np.arange(100, dtype=np.uint8)[:, None, None], 100, axis=1).repeat(3, axis=2)
    crop = crop_face(image, face(40, 40, 10, 20), Geometry("test", scale=1.0, shift=0.25))
    # centre of the box 50, a quarter of 20 below it 55, half a side above that 45
    assert crop.shape == (20, 20, 3) and crop[0, 0, 0] == 45


def test_the_border_is_repeated_outside_the_photo():
    image = np.zeros((20, 20, 3), np.uint8)
    image[0], image[:, 0] = 200, 100
    crop = crop_face(image, face(-5, -5, 10, 10), Geometry("test", scale=1.0, shift=0.0))
    assert crop.shape == (10, 10, 3)
    assert (crop[:5, :5] == 100).all() and (crop[0, 6:] == 200).all()


@pytest.mark.parametrize(
    "box",
    [(100, 100, 10, 10), (-50, 5, 10, 10), (5, -50, 3, 3), (0, 0, 0.2, 0.2), (-30, -30, 90, 90)],
)
def test_any_box_with_a_size_gives_a_square(box):
    crop = crop_face(np.ones((20, 20, 3), np.uint8), face(*box), GEOMETRIES["imdb_wiki"])
    assert crop.shape[0] == crop.shape[1] == max(1, round(1.8 * box[3])) and (crop == 1).all()


@pytest.mark.parametrize(
    "box", [(5, 5, 0, 10), (5, 5, 10, 0), (5, 5, 10, -1), (5, 5, float("nan"), 10)]
)
def test_a_box_without_size_is_unusable(box):
    with pytest.raises(UnusableFace, match="expected a box with a size"):
        crop_face(np.ones((20, 20, 3), np.uint8), face(*box), GEOMETRIES["imdb_wiki"])


def test_utkface_crops_are_cut_by_landmarks_not_by_the_box():
    image = np.random.default_rng(0).integers(0, 255, (80, 90, 3), np.uint8)
    geometry = GEOMETRIES["utkface"]
    found = Face((0, 0, 1, 1), np.array(geometry.template) * 50 + (20, 10), 1.0)
    np.testing.assert_array_equal(crop_face(image, found, geometry), image[10:60, 20:70])


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_recorded_geometry_is_read_again(name):
    assert load_geometry(json.loads(json.dumps(GEOMETRIES[name].to_dict()))) == GEOMETRIES[name]


def test_geometry_recorded_before_there_were_templates_is_read():
    assert load_geometry({"name": "utkface", "scale": 0.9, "shift": 0.08}) == Geometry(
        "utkface", 0.9, 0.08
    )


@pytest.mark.parametrize(
    "record",
    [
        {"name": "x"},
        {"name": "x", "template": [[0, 1]]},
        {"name": "x", "template": "y"},
        {"name": "x", "template": [[0, 1]] * 5, "templates": {"yunet": [[0, 1]]}},
    ],
)
def test_what_is_no_geometry_is_refused(record):
    with pytest.raises((TypeError, ValueError)):
        load_geometry(record)


def test_shrinking_averages_over_areas():
    image = np.zeros((4, 4, 3), np.uint8)
    image[:2, :2] = [[[10] * 3, [20] * 3], [[30] * 3, [40] * 3]]
    assert resize_square(image, 2)[0, 0].tolist() == [25, 25, 25]


@pytest.mark.parametrize("side", [44, 46])
def test_down_to_two_thirds_it_weighs_the_nearest_pixels_and_below_it_areas(side):
    """Worked out for a white line of one pixel, shrunk to 30."""
    image = np.zeros((side, side, 3), np.uint8)
    image[:, side // 2 - 1] = 200  # a line of one pixel, left of the middle
    row = resize_square(image, 30)[0, :, 0].astype(float)
    scale = side / 30
    places = (np.arange(30) + 0.5) * scale
    if side < 45:
        weights = np.clip(1 - np.abs(places - (side // 2 - 0.5)), 0, None)
    else:
        left, right = places - scale / 2, places + scale / 2
        weights = (
            np.clip(np.minimum(right, side // 2) - np.maximum(left, side // 2 - 1), 0, None) / scale
        )
    np.testing.assert_allclose(row, 200 * weights, atol=1.5)


def test_the_longer_side_decides():
    """Lines of one pixel, one side reduced to a quarter: averaging over areas makes them grey."""
    image = np.zeros((30, 120, 3), np.uint8)
    image[:, ::4] = 200
    assert np.unique(resize_square(image, 30)).tolist() == [50]


def test_a_picture_of_the_size_is_not_touched():
    image = np.zeros((8, 8, 3), np.uint8)
    assert resize_square(image, 8) is image


def test_each_detector_has_its_own_template_and_others_are_refused():
    image = np.random.default_rng(0).integers(0, 255, (80, 90, 3), np.uint8)
    geometry = GEOMETRIES["utkface"]
    landmarks = np.array(geometry.templates["yunet"]) * 50 + (20, 10)
    found = Face((0, 0, 1, 1), landmarks, 1.0, detector="yunet")
    np.testing.assert_array_equal(crop_face(image, found, geometry), image[10:60, 20:70])
    custom = AlignedGeometry("mine", geometry.template)
    check_detector(custom, "mtcnn")
    check_detector(GEOMETRIES["imdb_wiki"], "yunet")
    message = "--face-detector yunet: expected a detector that the crop geometry mine has"
    for call in (lambda: check_detector(custom, "yunet"), lambda: crop_face(image, found, custom)):
        with pytest.raises(SettingError, match=message):
            call()


def test_a_geometry_recorded_before_there_was_a_second_detector_gets_its_template():
    geometry = GEOMETRIES["utkface"]
    old = {"name": "utkface", "template": [list(point) for point in geometry.template]}
    assert load_geometry(old) == geometry
    other = load_geometry({**old, "template": (np.array(geometry.template) + 0.1).tolist()})
    assert other.templates == {} and other != geometry
    assert load_geometry({**old, "name": "mine"}).templates == {}


def test_a_box_of_yunet_gives_mtcnns_crop():
    # 100 high around (100, 100): MTCNN's box is 98 high around (100, 98), and the crop 176 wide.
    image = np.stack(np.meshgrid(np.arange(200), np.arange(200), [0]), axis=-1)[:, :, 0]
    found = Face((60, 50, 80, 100), np.zeros((5, 2)), 1.0, detector="yunet")
    crop = crop_face(image.astype(np.uint8), found, GEOMETRIES["imdb_wiki"])
    assert crop.shape == (176, 176, 3) and crop[0, 0].tolist() == [12, 10, 0]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_face_gives_the_upright_crop_of_its_box(degrees):
    image = np.random.default_rng(0).integers(0, 255, (80, 90, 3), np.uint8)
    geometry = Geometry("test", scale=1.5, shift=0.3)
    upright = face(30, 20, 16, 20)
    turned = turn_face(upright, degrees, 90, 80)
    crop = crop_face(turn_image(image, degrees), turned, geometry)
    np.testing.assert_array_equal(crop, crop_face(image, upright, geometry))
