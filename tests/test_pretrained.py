"""The shipped model on a photo in the public domain (NASA)."""

import json
import pathlib

import cv2
import numpy as np
from skimage.data import astronaut

from age_gender_estimation.predict.predictor import Predictor

PRETRAINED = pathlib.Path(__file__).resolve().parent.parent / "pretrained"


def test_the_astronaut_without_further_arguments(script, tmp_path):
    path = str(tmp_path / "astronaut.png")
    cv2.imwrite(path, astronaut()[..., ::-1])
    [face] = json.loads(script("predict.py", "--image-path", path, "--format", "json").stdout)
    # Eileen Collins was born in 1956 and became an astronaut in 1992. The portrait has no date.
    assert 25 < face["age"] < 45 and face["age_low"] <= face["age_median"] <= face["age_high"]
    assert (face["gender"], face["race"]) == ("female", "White") and face["gender_confidence"] > 0.8
    assert face["probability_under_18"] < 0.05


def test_predictions_hardly_depend_on_which_way_a_face_looks():
    face = astronaut()[30:190, 140:300]
    outputs = Predictor(str(PRETRAINED)).predict_images([face, face[:, ::-1].copy()])
    # The model itself averages a crop and its mirror image.
    np.testing.assert_allclose(outputs["age"][0], outputs["age"][1], atol=0.01)


def test_it_is_calibrated_and_small():
    export = PRETRAINED / "serving/1"
    description = json.loads((export / "assets.extra/model.json").read_text(encoding="utf-8"))
    assert set(description["calibration"]["labels"]) == {"age", "gender", "race"}
    assert sum(file.stat().st_size for file in PRETRAINED.rglob("*") if file.is_file()) < 20_000_000
    assert (PRETRAINED / "MODEL_CARD.md").is_file() and (PRETRAINED / "TRAINING.md").is_file()
