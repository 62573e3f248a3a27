import copy

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces.crop import GEOMETRIES, crop_face, resize_square
from age_gender_estimation.faces.detector import FaceSearch, find_faces
from age_gender_estimation.faces.face import Face
from age_gender_estimation.predict import photos
from age_gender_estimation.predict.photos import Photo, extract_faces, predict_image, predict_photos


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos with one, two and no face, and a file that is no photo."""
    folder = tmp_path_factory.mktemp("photos")
    astronaut = skimage.data.astronaut()[..., ::-1]
    cv2.imwrite(str(folder / "one.png"), astronaut)
    cv2.imwrite(
        str(folder / "two.webp"), np.hstack([astronaut, astronaut]), [cv2.IMWRITE_WEBP_QUALITY, 101]
    )
    cv2.imwrite(str(folder / "none.png"), np.full((64, 64, 3), 90, np.uint8))
    (folder / "garbage.jpg").write_bytes(b"garbage")
    return folder


@pytest.mark.parametrize("batch_size", [1, 32])
def test_every_face_gets_a_record_and_every_failed_photo_an_error(folder, predictor, batch_size):
    paths = [
        str(folder / name)
        for name in ("two.webp", "garbage.jpg", "none.png", "missing.jpg", "one.png")
    ]
    records = list(predict_photos(predictor, map(Photo, paths), batch_size))
    assert [(record.file, record.face) for record in records] == [
        (paths[0], 0),
        (paths[0], 1),
        (paths[1], None),
        (paths[2], None),
        (paths[3], None),
        (paths[4], 0),
    ]
    assert records[3].error == "no face found"
    assert all(records[index].error.startswith("cannot be read: ") for index in (2, 4))
    assert abs(records[0].box[0] - records[1].box[0]) == pytest.approx(512, abs=4)


def test_the_crop_has_the_margin_and_size_of_the_training_crops(predictor):
    image = skimage.data.astronaut()
    (record,) = predict_image(predictor, image, "one.png")
    crop = resize_square(
        crop_face(image, find_faces(image)[0], predictor.geometry), predictor.crop_size
    )
    np.testing.assert_array_equal(record.crop, crop)
    expected = predictor.predict_images([crop])
    assert record.age == pytest.approx(float(expected["age"][0]), abs=1e-4)
    assert record.confidences["gender"] == pytest.approx(
        float(expected["gender_probabilities"][0].max()), abs=1e-5
    )


def test_faces_are_aligned_for_a_model_that_recorded_a_template(predictor):
    aligning = copy.copy(predictor)
    aligning.geometry, aligning.crop_size = GEOMETRIES["utkface"], 112
    turn = cv2.getRotationMatrix2D((255.5, 255.5), 20, 1)
    image = skimage.data.astronaut()
    turned = cv2.warpAffine(image, turn, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    crops = []
    for name, pixels in (("one", image), ("turned", turned)):
        (record,) = extract_faces(aligning, pixels, name)
        assert record.box is not None and record.crop.shape == (112, 112, 3)
        crops.append(record.crop.astype(int))
    assert np.abs(crops[0] - crops[1]).mean() < 13


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_face_that_cannot_be_cut_is_none(predictor, geometry, monkeypatch):
    degenerate = Face((1, 1, 0, 0), np.full((5, 2), np.nan), 1.0)
    monkeypatch.setattr(photos, "find_faces", lambda image, search: [degenerate])
    predictor = copy.copy(predictor)
    predictor.geometry = GEOMETRIES[geometry]
    (record,) = predict_image(predictor, skimage.data.astronaut(), "one.png")
    assert record.face is None and record.error == "no face found"


def test_in_a_crop_no_face_is_searched(predictor):
    (record,) = predict_image(predictor, np.full((64, 64, 3), 90, np.uint8), "x", is_crop=True)
    assert record.box is None and record.face == 0 and 0 <= record.age <= 100
    assert record.detection_confidence is record.landmarks is record.rotation is None


def test_a_record_says_where_and_how_surely_the_face_was_found(predictor):
    image = skimage.data.astronaut()
    (record,) = extract_faces(predictor, image, "one.png")
    (face,) = find_faces(image)
    assert record.detection_confidence == face.confidence and record.rotation == 0
    np.testing.assert_array_equal(record.landmarks, face.landmarks)
    upside_down = np.ascontiguousarray(image[::-1, ::-1])
    (turned,) = extract_faces(predictor, upside_down, "turned.png")
    assert turned.rotation == 180
    np.testing.assert_allclose(turned.landmarks, 512 - face.landmarks, atol=0.1)
    assert np.abs(turned.crop.astype(int) - record.crop).mean() < 0.5


def test_the_settings_of_the_search_reach_the_detector(predictor):
    image = skimage.data.astronaut()
    both = np.hstack([image, cv2.resize(image, None, fx=0.75, fy=1)])
    assert len(extract_faces(predictor, both, "x")) == 2
    for search in (FaceSearch(max_faces=1), FaceSearch(min_face=75)):
        assert [record.face for record in extract_faces(predictor, both, "x", False, search)] == [0]
    (nobody,) = extract_faces(predictor, image, "x", search=FaceSearch(min_confidence=1.0))
    assert nobody.error == "no face found"
