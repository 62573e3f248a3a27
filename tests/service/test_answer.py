from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces.detector import _mtcnn
from age_gender_estimation.predict.drawing import COLOUR
from age_gender_estimation.predict.output import as_dict
from age_gender_estimation.predict.photos import predict_photos
from age_gender_estimation.service.answer import SHOWN_SIZE, answer_photo, warm_up


@pytest.fixture(scope="module", autouse=True)
def warm(predictor):
    # Keras networks made before an Estimator ran in this process (another test's detector) are invalid after it.
    _mtcnn.cache_clear()
    warm_up(predictor)


def png(image):
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def test_the_answer_is_that_of_predict_with_the_face_marked(predictor, tmp_path):
    (tmp_path / "one.png").write_bytes(png(skimage.data.astronaut()))
    (expected,) = predict_photos(predictor, [str(tmp_path / "one.png")], lambda path: False)
    answer = answer_photo(predictor, png(skimage.data.astronaut()), "one.png")
    (record,) = answer.records
    assert as_dict(record, None) == {**as_dict(expected, None), "file": "one.png"}
    assert [crop.shape for crop in answer.crops] == [(predictor.crop_size,) * 2 + (3,)]
    assert (
        answer.picture.shape == (SHOWN_SIZE[1], SHOWN_SIZE[1], 3)
        and answer.picture.dtype == np.uint8
    )
    # The box was found in 512 pixels and is drawn into 500.
    left, top, width, height = (value * SHOWN_SIZE[1] / 512 for value in record.box)
    np.testing.assert_array_equal(answer.picture[round(top + height / 2), round(left)], COLOUR)


@pytest.mark.parametrize("width, height", [(2000, 1000), (1000, 2000), (64, 16)])
def test_the_picture_fits_the_page_at_any_size(predictor, width, height):
    answer = answer_photo(predictor, png(np.full((height, width, 3), 90, np.uint8)), "grey.png")
    shown = answer.picture.shape[1::-1]
    assert (
        all(side <= limit for side, limit in zip(shown, SHOWN_SIZE)) and max(shown) >= SHOWN_SIZE[1]
    )
    assert shown[0] / shown[1] == pytest.approx(width / height, rel=0.01)
    assert [record.error for record in answer.records] == ["no face found"] and answer.crops == []


@pytest.mark.parametrize(
    "data, error",
    [
        (b"", "the file is empty"),
        (b"garbage", "not an image"),
        (png(skimage.data.astronaut())[:9000], "truncated"),
    ],
)
def test_what_is_no_picture_is_said(predictor, data, error):
    answer = answer_photo(predictor, data, "x.jpg")
    assert answer.picture is None and answer.crops == []
    assert error in answer.records[0].error and answer.records[0].file == "x.jpg"


def test_threads_get_the_same_answers(predictor):
    data = png(skimage.data.astronaut()[20:240, 110:330])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: answer_photo(predictor, data, "x"), range(8)))
    assert len({str(as_dict(answer.records[0], None)) for answer in answers}) == 1
    assert answers[0].records[0].box
