"""Temperatures and intervals against distributions that are known, and in a real export."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.manifest import open_manifest
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.export.calibration import (
    Calibration,
    calibrate,
    fit_interval_mass,
    fit_temperature,
    load_calibration,
)
from age_gender_estimation.export.saved_model import export_model
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.storage.model_folder import ModelFolder


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def drawn(logits, temperature, generator):
    """A class per row, drawn from the softmax of logits / temperature."""
    sums = softmax(logits / temperature).cumsum(axis=1)
    return (
        (sums < generator.uniform(size=(len(logits), 1))).sum(axis=1).clip(max=logits.shape[1] - 1)
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_drew_the_labels_is_found(temperature):
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 5))
    assert fit_temperature(logits, drawn(logits, temperature, generator)) == pytest.approx(
        temperature, rel=0.05
    )


def test_interval_mass_by_hand():
    # Year 1 of (0.1, 0.3, 0.6): sums 0.4 up to it. Quantile (1 - mass) / 2 must not be above:
    # mass >= 1 - 2 * 0.4.
    # Year 2: 0.4 below it, so any interval holds it. Year 0: 0.1 up to it, mass >= 0.8.
    probabilities = np.array([[0.1, 0.3, 0.6]] * 4)
    # Four faces: half of them needs the third smallest of what is needed, ceil(5 * 0.5).
    assert fit_interval_mass(probabilities, np.array([2, 2, 1, 0]), 0.5) == pytest.approx(
        0.2, abs=2e-6
    )
    assert fit_interval_mass(probabilities, np.array([2, 2, 1, 0]), 0.8) == pytest.approx(
        0.8, abs=2e-6
    )
    assert (
        fit_interval_mass(probabilities[:1], np.array([2]), 0.8) == 1.0
    )  # one face cannot promise 80%
    # Where nearly every median is right, almost no mass is enough; 0 would be no valid calibration.
    certain = np.full((100, 3), [0.1, 0.8, 0.1])
    assert fit_interval_mass(certain, np.ones(100, int), 0.8) == pytest.approx(1e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_intervals_of_new_faces_hold_the_share_that_was_asked_for(temperature):
    generator = np.random.default_rng(1)
    logits = -0.02 * (np.arange(60) - generator.uniform(10, 50, (12_000, 1))) ** 2
    years = drawn(
        logits, temperature, generator
    )  # the distributions are too narrow, right, too wide
    known, new = slice(0, 6_000), slice(6_000, None)
    mass = fit_interval_mass(softmax(logits[known]), years[known], 0.8)
    sums = softmax(logits[new]).cumsum(axis=1)
    low, high = ((sums < share).sum(axis=1) for share in (0.5 - mass / 2, 0.5 + mass / 2))
    assert ((low <= years[new]) & (years[new] <= high)).mean() == pytest.approx(0.8, abs=0.02)
    assert (mass > 0.8) == (temperature > 1) or temperature == 1.0


@pytest.fixture(scope="module")
def calibrated(trained, crops, tmp_path_factory):
    """(copy of the trained model folder, its Calibration, the Predictor of its new export)."""
    folder = tmp_path_factory.mktemp("calibrated") / "model"
    shutil.copytree(trained[0], folder)
    manifest = open_manifest(crops / "train.csv", crops / "crop")
    calibration = calibrate(str(folder), [manifest])
    export_model(str(folder))
    return folder, calibration, Predictor(str(folder))


def test_the_export_divides_logits_and_widens_intervals(calibrated, predictor, crops):
    _, calibration, exported = calibrated
    names = read_labelled_csv(crops / "val.csv").filenames
    images = [(crops / "crop" / name).read_bytes() for name in names]
    before, after = predictor.predict_bytes(images), exported.predict_bytes(images)
    assert (
        set(calibration.temperatures) == {"age", "gender"}
        and calibration.temperatures["age"] != 1.0
    )
    for task, temperature in calibration.temperatures.items():
        expected = softmax(np.log(before[f"{task}_probabilities"]) / temperature)
        np.testing.assert_allclose(after[f"{task}_probabilities"], expected, atol=2e-5)
    sums = after["age_probabilities"].cumsum(axis=1)
    for name, sign in (("age_low", -1), ("age_high", 1)):
        share = 0.5 + sign * calibration.interval_mass / 2
        near = (abs(sums - share) < 1e-5).any(axis=1)  # there, rounding decides
        np.testing.assert_array_equal(after[name][~near], (sums < share).sum(axis=1)[~near])
    assert exported.description["calibration"]["labels"] == calibration.labels


def test_a_calibration_belongs_to_one_checkpoint(calibrated):
    folder, calibration, _ = calibrated
    assert load_calibration(ModelFolder(folder).best_checkpoint()) == calibration
    assert load_calibration(tf.train.latest_checkpoint(folder)) == Calibration()


def test_a_head_with_few_labels_stays_as_it_is(trained, crops, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained[0], folder)
    manifest = open_manifest(crops / "val.csv", crops / "crop")
    assert manifest.num_rows < 50
    assert calibrate(str(folder), [manifest]) == Calibration(num_faces=manifest.num_rows)
