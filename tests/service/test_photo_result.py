from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.predict.drawing import COLOUR
from age_gender_estimation.predict.output import as_dict
from age_gender_estimation.predict.photos import predict_image
from age_gender_estimation.service.photo_result import SHOWN_SIZE, predict_upload, warm_up


@pytest.fixture(scope="module", autouse=True)
def warm(predictor):
    warm_up(predictor)


def png(image):
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def test_the_records_are_those_of_predict_and_the_face_is_marked(predictor):
    (expected,) = predict_image(predictor, skimage.data.astronaut(), "one.png")
    result = predict_upload(predictor, png(skimage.data.astronaut()), "one.png")
    (record,) = result.records
    assert as_dict(record, None) == as_dict(expected, None)
    assert record.crop.shape == (predictor.crop_size, predictor.crop_size, 3)
    assert (
        result.image.shape == (SHOWN_SIZE[1], SHOWN_SIZE[1], 3) and result.image.dtype == np.uint8
    )
    # The box was found in 512 pixels and is drawn into 500.
    left, top, width, height = (value * SHOWN_SIZE[1] / 512 for value in record.box)
    np.testing.assert_array_equal(result.image[round(top + height / 2), round(left)], COLOUR)


@pytest.mark.parametrize("width, height", [(2000, 1000), (1000, 2000), (64, 16)])
def test_the_picture_fits_the_page_at_any_size(predictor, width, height):
    result = predict_upload(predictor, png(np.full((height, width, 3), 90, np.uint8)), "grey.png")
    shown = result.image.shape[1::-1]
    assert (
        all(side <= limit for side, limit in zip(shown, SHOWN_SIZE)) and max(shown) >= SHOWN_SIZE[1]
    )
    assert shown[0] / shown[1] == pytest.approx(width / height, rel=0.01)
    assert [record.error for record in result.records] == ["no face found"]


@pytest.mark.parametrize(
    "data, error",
    [
        (b"", "the file is empty"),
        (b"garbage", "not an image"),
        (png(skimage.data.astronaut())[:9000], "truncated"),
    ],
)
def test_what_is_no_picture_is_said(predictor, data, error):
    result = predict_upload(predictor, data, "x.jpg")
    assert result.image is None
    assert error in result.records[0].error and result.records[0].file == "x.jpg"


def test_threads_get_the_same_results(predictor):
    data = png(skimage.data.astronaut()[20:240, 110:330])
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda number: predict_upload(predictor, data, "x"), range(8)))
    assert len({str(as_dict(result.records[0], None)) for result in results}) == 1
    assert results[0].records[0].box
