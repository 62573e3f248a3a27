"""Estimator, SavedModel and evaluate give the same answers on the same crops."""

import dataclasses
import json
import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.input_pipeline import evaluation_dataset
from age_gender_estimation.data.manifest import open_manifest
from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.evaluate import evaluate
from age_gender_estimation.evaluation.predictions import predict_manifests
from age_gender_estimation.export.formats import export_formats
from age_gender_estimation.export.saved_model import describe, export_model
from age_gender_estimation.faces.crop import GEOMETRIES
from age_gender_estimation.faces.photo import decode_photo
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.hparams import HParams, load_hparams


@pytest.fixture(scope="module")
def manifest(crops):
    return open_manifest(crops / "val.csv", crops / "crop")


@pytest.fixture(scope="module")
def best(trained):
    """The Estimator and the checkpoint that was exported."""
    hparams = load_hparams(trained[0])
    return (
        make_estimator(hparams, str(trained[0])),
        tf.train.latest_checkpoint(trained[0] / "best"),
        hparams,
    )


@pytest.fixture(scope="module")
def estimated(best, manifest):
    estimator, checkpoint, hparams = best
    predictions = estimator.predict(
        lambda: evaluation_dataset([manifest], hparams.tasks, 32, 8), checkpoint_path=checkpoint
    )
    return list(predictions)


def crop_bytes(crops, manifest):
    from age_gender_estimation.datasets.csv_file import read_labelled_csv

    return [
        (crops / "crop" / name).read_bytes() for name in read_labelled_csv(manifest.path).filenames
    ]


def test_saved_model_answers_like_the_estimator(predictor, crops, manifest, estimated):
    outputs = predictor.predict_bytes(crop_bytes(crops, manifest))
    assert outputs["age"].std() > 0.01  # a constant answer would agree with anything
    assert set(outputs) == {
        *("age", "age_median", "age_low", "age_high", "age_probabilities", "probability_under_18"),
        "gender_probabilities",
    }
    for name, values in outputs.items():
        np.testing.assert_allclose(
            values, [prediction[name] for prediction in estimated], atol=1e-4
        )
    assert outputs["age"].dtype == np.float32 and outputs["age_probabilities"].shape == (
        manifest.num_rows,
        101,
    )
    np.testing.assert_allclose(outputs["gender_probabilities"].sum(axis=1), 1, atol=1e-5)


def test_pixels_get_the_answers_of_their_files(predictor, crops, manifest):
    data = crop_bytes(crops, manifest)
    pixels = predictor.predict_images([decode_photo(item) for item in data])  # as predict.py does
    np.testing.assert_allclose(pixels["age"], predictor.predict_bytes(data)["age"], atol=1e-4)


def test_crops_of_any_size_and_format_are_resized_in_the_graph(predictor, noise_image):
    png = cv2.imencode(".png", noise_image[..., ::-1])[1].tobytes()
    bmp = cv2.imencode(".bmp", noise_image[:20, :20, ::-1])[1].tobytes()
    by_bytes = predictor.predict_bytes([png, bmp])
    by_pixels = predictor.predict_images([noise_image, noise_image[:20, :20]])
    np.testing.assert_allclose(
        by_bytes["age_probabilities"], by_pixels["age_probabilities"], atol=1e-5
    )


def test_evaluate_agrees_with_the_estimator_on_every_metric(best, predictor, crops, manifest):
    estimator, checkpoint, hparams = best
    metrics = estimator.evaluate(
        lambda: evaluation_dataset([manifest], hparams.tasks, 32, 7), checkpoint_path=checkpoint
    )
    report = evaluate(predict_manifests(predictor, [manifest], batch_size=5))
    assert report["age"]["mae"]["value"] == pytest.approx(metrics["age_mae"], abs=1e-4)
    assert report["age"]["rmse"]["value"] == pytest.approx(metrics["age_rmse"], abs=1e-4)
    assert report["gender"]["accuracy"]["value"] == pytest.approx(
        metrics["gender_accuracy"], abs=1e-6
    )
    assert report["age"]["mae"]["n"] == manifest.num_rows


def test_ages_above_the_head_count_in_neither(best, predictor, crops, tmp_path):
    estimator, checkpoint, hparams = best
    header, first, *rest = (crops / "val.csv").read_text().splitlines()
    name, _, gender = first.split(",")
    (tmp_path / "old.csv").write_text("\n".join([header, f"{name},110,{gender}", *rest]) + "\n")
    old = open_manifest(tmp_path / "old.csv", crops / "crop")
    metrics = estimator.evaluate(
        lambda: evaluation_dataset([old], hparams.tasks, 32, 8), checkpoint_path=checkpoint
    )
    report = evaluate(predict_manifests(predictor, [old]))
    assert (
        report["age"]["mae"]["n"] == old.num_rows - 1
        and report["gender"]["accuracy"]["n"] == old.num_rows
    )
    assert report["age"]["mae"]["value"] == pytest.approx(metrics["age_mae"], abs=1e-4)


def test_description_travels_with_the_model(trained, predictor):
    history = json.loads((trained[0] / "eval.json").read_text())
    description = predictor.description
    assert (
        description["tasks"]["gender"]["classes"] == ["female", "male"]
        and description["img_size"] == 32
    )
    assert (
        description["geometry"] == {"name": "imdb_wiki", "scale": 1.8, "shift": 0.0}
        and description["crop_size"] == 32
    )
    assert description["validation"]["step"] == history["best_step"]
    assert description["data"][0]["file"] == "train.csv"


def test_an_export_says_whether_faces_are_aligned(predictor, tmp_path):
    shutil.copytree(predictor.path, tmp_path / "export")
    path = tmp_path / "export/assets.extra/model.json"
    path.write_text(
        json.dumps({**predictor.description, "geometry": GEOMETRIES["utkface"].to_dict()})
    )
    assert Predictor(str(tmp_path / "export")).geometry == GEOMETRIES["utkface"]
    path.write_text(
        json.dumps({**predictor.description, "geometry": {"name": "x", "template": [[0, 1]]}})
    )
    with pytest.raises(InputError, match="template of 5 points"):
        Predictor(str(tmp_path / "export"))


def test_the_best_checkpoint_is_exported_not_the_newest(trained, crops, manifest, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained[0], folder, ignore=shutil.ignore_patterns("serving"))
    history = json.loads((folder / "eval.json").read_text())
    history["evaluations"][0]["val_loss"] = 0.0
    (folder / "eval.json").write_text(json.dumps(history))
    ModelFolder(folder).keep_best(str(folder / "model.ckpt-6"))
    exported = Predictor(export_model(str(folder)))
    assert exported.description["validation"]["step"] == 6
    estimator = make_estimator(load_hparams(folder), str(folder))
    answers = [
        [
            row["age"]
            for row in estimator.predict(
                lambda: evaluation_dataset([manifest], ("age", "gender"), 32, 8),
                checkpoint_path=str(folder / f"model.ckpt-{step}"),
            )
        ]
        for step in (6, 12)
    ]
    ages = exported.predict_bytes(crop_bytes(crops, manifest))["age"]
    np.testing.assert_allclose(ages, answers[0], atol=1e-4)
    assert np.abs(ages - answers[1]).max() > 1e-3


def test_the_command_adds_a_newer_version(trained, script, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(trained[0], folder)
    before = ModelFolder(folder).newest_export()
    done = script("export.py", "--model-dir", folder)
    after = ModelFolder(folder).newest_export()
    assert done.stdout.strip() == f"exported: {after}"
    assert int(after.rpartition("/")[2]) > int(before.rpartition("/")[2])


def test_a_folder_without_a_model_is_refused(tmp_path, script):
    for name, *arguments in (("export.py",), ("predict.py", "--image-path", "x.jpg")):
        (tmp_path / "x.jpg").touch()
        done = script(name, "--model-dir", tmp_path, *arguments, cwd=tmp_path, check=False)
        assert (
            done.returncode == 1
            and str(tmp_path) in done.stderr
            and len(done.stderr.splitlines()) == 1
        )
    (tmp_path / "saved_model.pb").write_bytes(b"garbage")
    with pytest.raises(InputError, match="expected a SavedModel exported by this project"):
        Predictor(str(tmp_path))


def test_garbage_bytes_are_refused(predictor):
    with pytest.raises(InputError, match="cannot be decoded"):
        predictor.predict_bytes([b"garbage"])


def test_a_model_without_age_answers_no_age_groups(trained):
    hparams = HParams(tasks=("gender",), age_encoding="groups:3")
    folder = ModelFolder(trained[0])
    assert describe(hparams, folder, "model.ckpt-12")["age_groups"] is None
    hparams = dataclasses.replace(hparams, tasks=("age",))
    groups = ((1, 26), (27, 52), (53, 80))
    assert describe(hparams, folder, "model.ckpt-12")["age_groups"] == groups


def test_a_folder_that_cannot_be_written_and_a_broken_checkpoint_are_refused(
    trained, script, tmp_path
):
    folder = tmp_path / "model"
    shutil.copytree(trained[0], folder, ignore=shutil.ignore_patterns("serving"))
    (folder / "serving").touch()
    done = script("export.py", "--model-dir", folder, check=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert f"to write {folder}/serving (FailedPreconditionError: " in done.stderr
    (folder / "serving").unlink()
    (data,) = (folder / "best").glob("*.data-*")
    data.write_bytes(data.read_bytes()[:1000])
    for formats in (("saved-model",), ("tflite",)):
        with pytest.raises(InputError, match="expected to read .*best/model.ckpt"):
            list(export_formats(str(folder), formats))


def test_models_of_another_version_are_refused(predictor, trained, tmp_path):
    shutil.copytree(predictor.path, tmp_path / "export")
    path = tmp_path / "export/assets.extra/model.json"
    without_geometry = {
        name: value for name, value in predictor.description.items() if name != "geometry"
    }
    for other, reason in (
        (without_geometry, "KeyError: 'geometry'"),
        (
            {**predictor.description, "tasks": {"smile": {"classes": ["no", "yes"]}}},
            "KeyError: 'smile'",
        ),
        ({**predictor.description, "age_groups": [[1]]}, "IndexError"),
        ([], "TypeError"),
        (
            {**predictor.description, "crop_size": 10**9},
            "ValueError: crop_size: expected a whole number",
        ),
        (
            {**predictor.description, "max_age": "116"},
            "ValueError: max_age: expected a whole number",
        ),
        (
            {**predictor.description, "tasks": {"race": {}}},
            "LookupError: no output race_probabilities",
        ),
        (
            {**predictor.description, "geometry": {"name": "x", "scale": 1e9, "shift": 0}},
            "ValueError: expected a scale",
        ),
    ):
        path.write_text(json.dumps(other))
        with pytest.raises(
            InputError, match=f"expected a SavedModel exported by this project .{reason}"
        ):
            Predictor(str(tmp_path / "export"))
    (tmp_path / "data.json").write_text(json.dumps({"train": []}))
    with pytest.raises(InputError, match="data.json: expected what this .*KeyError: 'geometry'"):
        describe(HParams(tasks=("age",)), ModelFolder(tmp_path), "model.ckpt-1")
