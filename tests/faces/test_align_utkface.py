"""Alignment measured on UTKFace; skipped without the data, which is for research only.

AGE_GENDER_UTKFACE_DIR=UTKFace AGE_GENDER_MODEL_DIR=var/cnn-model AGE_GENDER_TEST_CSV=var/test.csv \
    python -m pytest tests/faces/test_align_utkface.py

The model is one trained on whole chips; the CSV (optional) lists the chips that it has not seen.
About 10 minutes.
"""

import os
import random

import cv2
import numpy as np
import pytest

from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.datasets.utkface import labels_from_name
from age_gender_estimation.faces.crop import GEOMETRIES, Geometry, crop_face, resize_square
from age_gender_estimation.faces.detector import DETECTORS, FaceSearch, find_faces
from age_gender_estimation.faces.face import LANDMARKS
from age_gender_estimation.faces.photo import decode_photo

FOLDER, MODEL_DIR = os.environ.get("AGE_GENDER_UTKFACE_DIR"), os.environ.get("AGE_GENDER_MODEL_DIR")
BOX = Geometry(
    "utkface", scale=0.9, shift=0.08
)  # what predict cut for UTKFace's models before there was a template
SIDE = 200  # of UTKFace's chips, pixels

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="AGE_GENDER_UTKFACE_DIR names no folder of UTKFace chips"
)


def read_chips(names, number):
    """Yields (name, uint8 [200, 200, 3]) of `number` chips that seed 0 chooses."""
    for name in random.Random(0).sample(sorted(names), number):
        with open(os.path.join(FOLDER, name), "rb") as file:
            yield name, decode_photo(file.read())


def photo_of(chip, factor, degrees):
    """The chip scaled and turned in the middle of a picture twice as large, its border repeated."""
    side = round(SIDE * factor)
    if factor < 1:
        chip = cv2.resize(chip, (side, side), interpolation=cv2.INTER_AREA)
    middle = chip.shape[0] / 2 - 0.5
    matrix = cv2.getRotationMatrix2D((middle, middle), degrees, side / chip.shape[0])
    matrix[:, 2] += side - 0.5 - middle
    return cv2.warpAffine(
        chip, matrix, (2 * side, 2 * side), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_template_is_where_the_detector_finds_the_landmarks_of_chips(capsys, detector):
    names = [name for name in os.listdir(FOLDER) if name.endswith(".jpg")]
    border, points = 2 * SIDE // 5, []
    for _, chip in read_chips(names, 1000):
        framed = cv2.copyMakeBorder(chip, *[border] * 4, cv2.BORDER_REPLICATE)
        faces = find_faces(framed, FaceSearch(detector))
        points.extend((face.landmarks - border) / SIDE for face in faces[:1])
    median = np.median(points, axis=0)
    spread = np.median(np.abs(points - median), axis=0)
    with capsys.disabled():
        print(
            f"\n{detector}: landmarks of {len(points)} of 1000 chips, in sides of the chip: "
            "median, median absolute deviation"
        )
        for name, (x, y), (dx, dy) in zip(LANDMARKS, median, spread):
            print(f"{name:12} x {x:.3f} +- {dx:.3f}  y {y:.3f} +- {dy:.3f}")
    np.testing.assert_allclose(GEOMETRIES["utkface"].template_of(detector), median, atol=0.002)


@pytest.mark.skipif(not MODEL_DIR, reason="AGE_GENDER_MODEL_DIR names no model")
@pytest.mark.parametrize("degrees", [0, 20])
def test_a_chip_in_a_photo_predicts_like_the_chip(capsys, degrees):
    from age_gender_estimation.predict.predictor import Predictor

    listed = os.environ.get("AGE_GENDER_TEST_CSV")
    names = (
        read_labelled_csv(listed).filenames
        if listed
        else [name for name in os.listdir(FOLDER) if labels_from_name(name)]
    )
    generator, ages = np.random.default_rng(0), []
    crops = {"whole chip": [], "box": [], "aligned": []}
    predictor = Predictor(MODEL_DIR)
    for name, chip in read_chips(names, 300):
        photo = photo_of(chip, generator.uniform(0.5, 3), degrees * generator.choice([-1, 1]))
        for face in find_faces(photo)[:1]:
            ages.append(labels_from_name(name)["age"])
            cut = (chip, crop_face(photo, face, BOX), crop_face(photo, face, GEOMETRIES["utkface"]))
            for kind, crop in zip(crops, cut):
                crops[kind].append(resize_square(crop, predictor.crop_size))
    answers = {kind: predictor.predict_images(images) for kind, images in crops.items()}
    whole, figures = answers["whole chip"], {}
    for kind, answer in answers.items():
        genders = [given["gender_probabilities"].argmax(axis=1) for given in (answer, whole)]
        figures[kind] = (
            np.abs(answer["age"] - whole["age"]).mean(),
            (genders[0] == genders[1]).mean(),
        )
    with capsys.disabled():
        print(f"\nturned by {degrees} degrees: {len(ages)} of 300 found")
        for kind, (difference, share) in figures.items():
            error = np.abs(answers[kind]["age"] - ages).mean()
            print(
                f"{kind:10} age difference {difference:.2f}, equal gender {share:.1%}, "
                f"age MAE {error:.2f}"
            )
    assert len(ages) >= 285 and figures["aligned"][0] < 2.0 and figures["aligned"][1] > 0.95
    assert figures["aligned"][0] < figures["box"][0]
