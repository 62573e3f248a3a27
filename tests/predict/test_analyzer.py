import concurrent.futures
import doctest
import io
import json
import pathlib

import cv2
import numpy as np
import PIL.Image
import pytest

import age_gender_estimation
from age_gender_estimation import FaceAnalyzer
from age_gender_estimation.errors import InputError
from age_gender_estimation.predict import analyzer as module
from age_gender_estimation.predict import photos
from age_gender_estimation.predict.any_image import to_rgb
from tests.conftest import ROOT

ASTRONAUT = ROOT / "examples/astronaut.jpg"


@pytest.fixture(scope="module")
def analyzer(converted):
    with FaceAnalyzer(converted) as analyzer:
        yield analyzer


@pytest.fixture(scope="module")
def crop():
    """A face, uint8 [160, 160, 3] RGB."""
    return cv2.imread(str(ASTRONAUT))[30:190, 140:300, ::-1]


def test_the_examples_in_the_docstrings_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert FaceAnalyzer.__module__ == module.__name__ and "RGB" in FaceAnalyzer.analyze.__doc__
    result = doctest.testmod(module)
    assert result.failed == 0 and result.attempted > 15


def test_every_kind_of_image_gives_the_same_face(analyzer, tmp_path, script, converted):
    path = tmp_path / "face.png"
    pixels = cv2.cvtColor(cv2.imread(str(ASTRONAUT)), cv2.COLOR_BGR2RGB)
    cv2.imwrite(str(path), pixels[..., ::-1])
    arguments = ["--image-path", path, "--model-dir", converted, "--format", "json"]
    expected = json.loads(script("predict.py", *arguments).stdout)
    assert expected[0]["file"] == str(path) and len(expected) == 1
    for image in (path, str(path)):
        assert [face.to_dict() for face in analyzer.analyze(image)] == expected
    nameless = [{**expected[0], "file": ""}]
    rgba = np.dstack([pixels, np.full(pixels.shape[:2], 9, np.uint8)])
    content = path.read_bytes()
    pillow = PIL.Image.open(path)
    for image in (content, bytearray(content), memoryview(content), pixels, rgba, pillow):
        assert [face.to_dict() for face in analyzer.analyze(image)] == nameless


def test_a_face_has_what_the_record_has(analyzer, predictor):
    (face,) = analyzer.analyze(ASTRONAUT)
    record = face.to_dict()
    assert round(face.age, 2) == record["age"] and face.age_low == record["age_low"]
    assert face.box == tuple(record[name] for name in ("left", "top", "width", "height"))
    assert face.gender == record["gender"] == face.classes["gender"] and face.race is None
    assert sum(face.probabilities["gender"].values()) == pytest.approx(1, abs=1e-5)
    assert max(face.probabilities["gender"], key=face.probabilities["gender"].get) == face.gender
    years = np.arange(len(face.age_probabilities))
    assert years @ face.age_probabilities == pytest.approx(face.age, abs=1e-3)  # its mean
    (sure,) = FaceAnalyzer(predictor.path, min_confidence=1.0).analyze(ASTRONAUT)
    assert sure.gender == "unknown" and sure.age == pytest.approx(face.age, abs=1e-3)


def test_photos_are_turned_as_their_exif_says(crop):
    stored = io.BytesIO()
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    PIL.Image.fromarray(np.rot90(crop)).save(stored, "JPEG", exif=exif, quality=95)
    by_bytes, by_pillow = to_rgb(stored.getvalue()), to_rgb(PIL.Image.open(stored))
    assert np.abs(by_bytes.astype(int) - crop).mean() < 5
    assert np.abs(by_bytes.astype(int) - by_pillow).max() <= 2  # the decoders may differ in a digit


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_other_modes_of_pillow_become_rgb(crop, mode):
    image = PIL.Image.fromarray(crop).convert(mode)
    expected = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(to_rgb(image), expected)


def test_grey_is_repeated(crop):
    grey = crop[..., 0]
    for image in (grey, grey[..., np.newaxis]):
        np.testing.assert_array_equal(to_rgb(image), np.dstack([grey] * 3))


@pytest.mark.parametrize(
    "image, message",
    [
        (None, "expected a path, the bytes .*, got NoneType"),
        ([1, 2], "expected a path, .*, got list"),
        (np.zeros((32, 32, 3), np.float32), r"expected an array of uint8 in \[0, 255\], got float"),
        (np.zeros((32, 32, 3), np.uint16), "got uint16"),
        (np.zeros((1, 32, 32, 3), np.uint8), r"RGB of at least 16 x 16 .*got \[1, 32, 32, 3\]"),
        (np.zeros((3, 32, 32), np.uint8), r"got \[3, 32, 32\]"),
        (np.zeros((0, 32, 3), np.uint8), r"got \[0, 32, 3\]"),
        (np.zeros((15, 32, 3), np.uint8), r"got \[15, 32, 3\]"),
        (b"", "0 bytes: cannot be read .the file is empty"),
        (b"garbage", "7 bytes: cannot be read .not an image"),
        ("none.jpg", "none.jpg: cannot be read .No such file or directory"),
        (pathlib.Path("/"), "/: cannot be read .expected a file"),
        (PIL.Image.new("F", (32, 32)), "8 bits a channel, got mode F"),
        (PIL.Image.new("RGB", (8, 8)), r"got \[8, 8, 3\]"),
    ],
)
def test_what_is_no_image_is_refused_with_what_was_expected(analyzer, image, message):
    for method in (analyzer.analyze, lambda image: analyzer.predict_crops([image])):
        with pytest.raises(InputError, match=message) as caught:
            method(image)
        assert "\n" not in str(caught.value)


def test_one_image_in_place_of_several_is_refused(analyzer):
    for method in (analyzer.analyze_batch, analyzer.predict_crops):
        with pytest.raises(InputError, match="expected several images, such as a list, got one st"):
            method(str(ASTRONAUT))


def test_the_faces_of_all_photos_share_batches(analyzer, converted, crop, monkeypatch):
    photo, blank = cv2.imread(str(ASTRONAUT))[..., ::-1], np.zeros((64, 64, 3), np.uint8)
    sizes = []
    predict_images = analyzer._model.predict_images

    def counted(images):
        sizes.append(len(images))
        return predict_images(images)

    monkeypatch.setattr(analyzer._model, "predict_images", counted)
    faces = analyzer.analyze_batch([photo, blank, np.hstack([photo, photo])])
    assert [len(found) for found in faces] == [1, 0, 2] and sizes == [3]
    assert analyzer.analyze_batch([]) == [] and analyzer.predict_crops([]) == []
    crops = analyzer.predict_crops([crop, crop[:, ::-1]])
    assert sizes[-1] == 2 and [face.box for face in crops] == [None, None]


def test_a_crop_is_predicted_as_it_is(analyzer, predictor, crop):
    (face,) = analyzer.predict_crops([crop])
    (record,) = photos.predict_image(predictor, crop, "", is_crop=True)
    assert face.age == pytest.approx(record.age, abs=1e-3)


def test_eight_threads_at_once_get_the_answers_of_one(analyzer, crop):
    photo = cv2.imread(str(ASTRONAUT))[..., ::-1]
    images = [np.roll(photo, 10 * number, axis=1) for number in range(4)]
    alone = [[face.to_dict() for face in analyzer.analyze(image)] for image in images]
    assert len({repr(each) for each in alone}) == 4
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: analyzer.analyze(images[n % 4]), range(16)))
    for number, faces in enumerate(answers):
        assert [face.to_dict() for face in faces] == alone[number % 4]


def test_a_closed_analyzer_is_refused(converted, crop):
    with FaceAnalyzer(str(converted / "model.onnx")) as analyzer:
        assert len(analyzer.predict_crops([crop])) == 1
    analyzer.close()
    with pytest.raises(InputError, match="expected an open FaceAnalyzer, this one is closed"):
        analyzer.predict_crops([crop])


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"min_face": -1}, "min_face, max_faces: expected 0 or more, and 1 or more, got -1, None"),
        ({"max_faces": 0}, "got 0, 0"),
        ({"min_detection": 95}, "min_detection: expected 0 to 1, got 95"),
        ({"detector": "haar"}, "detector: expected mtcnn or yunet, got 'haar'"),
        ({"runtime": "torch"}, "runtime: expected onnx or saved-model, got 'torch'"),
        ({"batch_size": 0}, "batch_size: expected a number above 0, got 0"),
        ({"min_confidence": 1.5}, "min_confidence: expected 0 to 1, got 1.5"),
        ({"model": "none"}, "none: expected an exported model or a model folder"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        FaceAnalyzer(**arguments)


def test_the_package_has_no_other_names():
    with pytest.raises(AttributeError, match="has no attribute 'FaceAnalyser'"):
        _ = age_gender_estimation.FaceAnalyser
