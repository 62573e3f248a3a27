"""A SavedModel over a manifest: predictions of every crop, and the report of how good they are."""
import os
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from age_gender_estimation.data.manifest import read_manifest
from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.metrics import age_metrics, confusion_matrix, decade_names, mae_by_group, with_interval
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True)
class Predictions:
    """True and predicted labels of a manifest's crops.

    Attributes:
      paths: the crops.
      true: {task: float [n]}, NaN where not labelled.
      predicted: {task: float [n]}, years for age, class numbers for the others.
    """
    paths: list
    true: dict
    predicted: dict


def predict_manifest(predictor, csv_path, image_dir, batch_size=64):
    """Asks a serving.predictor.Predictor about every crop of a manifest, as encoded files.

    Returns:
      Predictions.

    Raises:
      InputError: a wrong manifest, or a crop that is missing or cannot be decoded.
    """
    names, columns = read_manifest(csv_path)
    if not names:
        raise InputError(f"{csv_path}: expected rows under the header, found none")
    paths = [os.path.join(image_dir, name) for name in names]
    predicted = {name: [] for name in predictor.tasks}
    for start in tqdm(range(0, len(paths), batch_size), unit="batches", desc="Evaluate", mininterval=0.5):
        outputs = predictor.predict_bytes([_read(path) for path in paths[start:start + batch_size]])
        for name in predictor.tasks:
            answers = outputs["age"] if name == "age" else outputs[f"{name}_probabilities"].argmax(axis=-1)
            predicted[name].extend(answers)
    true = {name: np.array([np.nan if label is None else label for label in labels], np.float64)
            for name, labels in columns.items()}
    if "age" in predictor.tasks:
        # What the age head has no class for is unlabelled for it, here as in training.
        true["age"][true["age"] > predictor.max_age] = np.nan
    return Predictions(paths, true, {name: np.array(answers, np.float64) for name, answers in predicted.items()})


def evaluate(predictions):
    """Returns the report of Predictions, a dict that JSON can hold.

    For each task that is both predicted and labelled: age has mae, rmse and cs5, and the error `by` decade, gender and
    race; the others have accuracy and a confusion matrix. See evaluation.metrics.

    Raises:
      InputError: the manifest labels nothing that the model predicts.
    """
    report = {}
    for name, answers in predictions.predicted.items():
        labelled = ~np.isnan(predictions.true[name])
        if not labelled.any():
            continue
        true, answers = predictions.true[name][labelled], answers[labelled]
        if name == "age":
            report["age"] = {**age_metrics(true, answers), "by": _age_error_by_group(predictions, labelled)}
        else:
            matrix = confusion_matrix(true, answers, LABELS[name].highest + 1)
            report[name] = {"accuracy": with_interval(true == answers), "confusion": matrix.tolist()}
    if not report:
        raise InputError(f"the CSV labels none of what the model predicts: {', '.join(predictions.predicted)}")
    return report


def _age_error_by_group(predictions, has_age):
    true, answers = predictions.true["age"][has_age], predictions.predicted["age"][has_age]
    by = {"decade": mae_by_group(true, answers, decade_names(true))}
    by["decade"] = dict(sorted(by["decade"].items(), key=lambda item: int(item[0].split("-")[0])))
    for name in ("gender", "race"):
        classes = predictions.true[name][has_age]
        known = ~np.isnan(classes)
        if known.any():
            groups = [LABELS[name].class_names[int(number)] for number in classes[known]]
            errors = mae_by_group(true[known], answers[known], groups)
            by[name] = {group: errors[group] for group in LABELS[name].class_names if group in errors}
    return by


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); see --img-dir") from None
