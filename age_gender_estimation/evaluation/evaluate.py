"""A SavedModel over a manifest: predictions of every crop, and the report of how good they are."""
import os
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from age_gender_estimation.data.manifest import read_manifest
from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.listed_faces import source_names
from age_gender_estimation.evaluation.metrics import age_metrics, confusion_matrix, decade_names, mae_by_group, with_interval
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True)
class Predictions:
    """True and predicted labels of the crops of some manifests.

    Attributes:
      paths: the crops.
      true: {task: float [n]}, NaN where not labelled; with an `age_group`, the number of its range, where there is one.
      predicted: {answer: float [n]}, years for age, class numbers for the others (gender, race, age_group).
      labels: {answer: Label}.
      sources: name of the manifest of each crop, [n].
      age_median: float [n], the medians of the age distributions; None where the model answers none.
    """
    paths: list
    true: dict
    predicted: dict
    labels: dict
    sources: list
    age_median: np.ndarray | None = None


def predict_manifests(predictor, manifests, batch_size=64):
    """Asks a serving.predictor.Predictor about every crop of some data.manifest.Manifests, as encoded files.

    Returns:
      Predictions.

    Raises:
      InputError: a crop that is missing or cannot be decoded.
    """
    paths, sources, true = [], [], {name: [] for name in LABELS}
    for name, manifest in zip(source_names([manifest.path for manifest in manifests]), manifests):
        files, columns = read_manifest(manifest.path, manifest.tasks)
        paths += [os.path.join(manifest.image_dir, file) for file in files]
        sources += [name] * len(files)
        for task, labels in true.items():
            labels += [np.nan if label is None else label for label in columns.get(task, [None] * len(files))]
    true = {task: np.array(labels, np.float64) for task, labels in true.items()}
    if "age_group" in predictor.labels:
        true["age_group"] = np.full(len(paths), np.nan)
        for number, (first, last) in enumerate(predictor.age_groups):
            true["age_group"][(true["age"] >= first) & (true["age"] <= last)] = number
    # What the age head has no class for is unlabelled for it, here as in training.
    true["age"][true["age"] > predictor.max_age] = np.nan
    predicted, medians = {name: [] for name in predictor.labels}, []
    for start in tqdm(range(0, len(paths), batch_size), unit="batches", desc="Evaluate", mininterval=0.5):
        outputs = predictor.predict_bytes([_read(path) for path in paths[start:start + batch_size]])
        for name, (values, _) in predictor.answers(outputs).items():
            predicted[name].extend(values)
        medians.extend(outputs.get("age_median", ()))
    predicted = {name: np.array(values, np.float64) for name, values in predicted.items()}
    return Predictions(paths, true, predicted, predictor.labels, sources, np.array(medians, np.float64) if medians else None)


def evaluate(predictions):
    """Returns the report of Predictions, a dict that JSON can hold.

    For each answer that is labelled: age has mae, rmse and cs5, the same of the `median` where the model answers a
    distribution, and the error `by` decade, gender and race; the others have accuracy and a confusion matrix. With
    several sources, `sources` has such a report for each, {} where nothing is labelled. See evaluation.metrics.

    Raises:
      InputError: the manifests label nothing that the model predicts.
    """
    everything = np.ones(len(predictions.paths), bool)
    report = _report(predictions, everything)
    if not report:
        raise InputError(f"the CSV labels none of what the model predicts: {', '.join(predictions.predicted)}")
    sources = list(dict.fromkeys(predictions.sources))
    if len(sources) > 1:
        report["sources"] = {name: _report(predictions, np.array(predictions.sources) == name) for name in sources}
    return report


def _report(predictions, chosen):
    """Returns the report of the crops where bool [n] `chosen`."""
    report = {}
    for name, answers in predictions.predicted.items():
        labelled = ~np.isnan(predictions.true[name]) & chosen
        if not labelled.any():
            continue
        true, answers = predictions.true[name][labelled], answers[labelled]
        if name == "age":
            report["age"] = {**age_metrics(true, answers), "by": _age_error_by_group(predictions, labelled)}
            if predictions.age_median is not None:
                report["age"]["median"] = age_metrics(true, predictions.age_median[labelled])
        else:
            classes = list(predictions.labels[name].class_names)
            matrix = confusion_matrix(true, answers, len(classes))
            report[name] = {"accuracy": with_interval(true == answers), "classes": classes, "confusion": matrix.tolist()}
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
