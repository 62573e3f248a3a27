"""Calibration of predictions worked out by hand, and in a real export."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.manifest import Manifest, open_manifest
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.export.calibration import (
    Calibration,
    calibrate,
    fit_calibration,
    load_calibration,
)
from age_gender_estimation.export.saved_model import export_model
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.age_labels import age_label
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.hparams import HParams


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


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
    assert calibrate(str(folder), [manifest]) == Calibration(
        num_faces=manifest.num_rows, sources={"val.csv": {}}, sha256={"val.csv": manifest.sha256}
    )


def listing(name, **labels):
    """A Manifest of labels without images."""
    num_rows = len(next(iter(labels.values())))
    columns = {task: np.full(num_rows, -1, np.int16) for task in LABELS}
    columns |= {task: np.array(values, np.int16) for task, values in labels.items()}
    rows = np.arange(num_rows, dtype=np.int32)
    return Manifest(
        name, "", ",", (), ["x"] * num_rows, columns, rows, tuple(labels), f"hash of {name}"
    )


def test_a_short_list_counts_as_much_as_a_long_one():
    # Women with P(female) = 0.8 in both lists: 400 faces of 500 are women in the one, all 50 in the
    # other. Equal weights: nine tenths are women, so the best P is 0.9: 9 : 1 = (4 : 1) ** (1 / T).
    lists = [listing("a.csv", gender=[0] * 400 + [1] * 100), listing("b.csv", gender=[0] * 50)]
    outputs = {"gender_probabilities": np.tile([0.8, 0.2], (550, 1))}
    found = fit_calibration(HParams(tasks=("gender",)), outputs, lists)
    assert found.temperatures["gender"] == pytest.approx(np.log(4) / np.log(9), rel=1e-3)
    assert found.labels == {"gender": 550} and found.num_faces == 550
    assert found.sources == {"a.csv": {"gender": 500}, "b.csv": {"gender": 50}}
    assert found.sha256 == {"a.csv": "hash of a.csv", "b.csv": "hash of b.csv"}


def test_a_range_counts_for_the_temperature_and_not_for_the_interval():
    # P = 0.6, 0.2, 0.2 for the years 0, 1, 2. 48 of 60 are 0-1 and 12 are 2, so P(2) should be 0.2,
    # as it is: T = 1. The middle of 0-1, or its first year, would ask for another.
    labels = [age_label(0, 1)] * 48 + [2] * 12
    outputs = {"age_probabilities": np.tile([0.6, 0.2, 0.2], (60, 1))}
    hparams = HParams(tasks=("age",), max_age=2)
    found = fit_calibration(hparams, outputs, [listing("a.csv", age=labels)])
    assert found.temperatures["age"] == pytest.approx(1.0, abs=1e-3)
    assert found.labels == {"age": 60}
    assert found.interval_mass == 0.8  # twelve years are too few: as it was
    # With 60 years of 0 more: four fifths of 72 need as much as these. Year 0 has 0.6 up to it and
    # nothing below it, so that any interval holds it.
    outputs = {"age_probabilities": np.tile([0.6, 0.2, 0.2], (120, 1))}
    found = fit_calibration(hparams, outputs, [listing("a.csv", age=labels + [0] * 60)])
    assert found.labels == {"age": 120} and found.interval_mass == pytest.approx(1e-6)


def test_a_range_that_is_made_of_whole_groups_counts_for_a_model_of_groups():
    # 30 are 0-9, 30 are 0-19 (both groups, which says nothing) and 30 are 5-15 (cut: no label).
    # Of the 30 that say something all are young: the temperature goes to its lowest value.
    ranges = [(0, 9)] * 30 + [(0, 19)] * 30 + [(5, 15)] * 30
    labels = [age_label(*years) for years in ranges]
    outputs = {"age_group_probabilities": np.tile([0.6, 0.4], (90, 1))}
    hparams = HParams(tasks=("age",), age_encoding="groups:0-9,10-19")
    found = fit_calibration(hparams, outputs, [listing("a.csv", age=labels)])
    assert found.labels == {"age": 60} and found.temperatures["age"] == pytest.approx(0.1, rel=0.01)


def test_one_file_that_is_given_twice_is_one_list():
    lists = [listing("a.csv", gender=[0] * 60), listing("a.csv", race=[0] * 60)]
    outputs = {f"{task}_probabilities": np.full((120, 5), 0.2) for task in ("gender", "race")}
    outputs["gender_probabilities"] = np.full((120, 2), 0.5)
    found = fit_calibration(HParams(tasks=("gender", "race")), outputs, lists)
    assert found.sources == {"a.csv": {"gender": 60, "race": 60}}
