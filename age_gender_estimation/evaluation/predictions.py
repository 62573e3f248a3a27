"""A SavedModel over manifests: the true labels and the answers of every crop."""

import os
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from age_gender_estimation.data.manifest import read_manifest, source_names
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.tasks.age_groups import group_numbers
from age_gender_estimation.tasks.labels import LABELS

OUTPUTS = (
    "age_median",
    "age_low",
    "age_high",
    "probability_under_18",
)  # of an age distribution, in Predictions.ages


@dataclass(frozen=True)
class Predictions:
    """True and predicted labels of the crops of some manifests.

    Attributes:
      paths: the crops.
      true: {task: float [n]}, NaN where not labelled; with an `age_group`, the number of its range, where there is one.
      predicted: {answer: float [n]}, years for age, class numbers for the others (gender, race, age_group).
      labels: {answer: Label}.
      sources: name of the manifest of each crop, [n].
      confidences: {answer: float [n]}, the probability of the predicted class; not of age.
      ages: {output: float [n]}, what OUTPUTS the model answers, and `age_rank`: the share of the age distribution below the
        true year and half of that at it, NaN where it is not labelled. {} where the model answers no distribution.
    """

    paths: list
    true: dict
    predicted: dict
    labels: dict
    sources: list
    confidences: dict = field(default_factory=dict)
    ages: dict = field(default_factory=dict)


def predict_manifests(predictor, manifests, batch_size=64):
    """Asks a serving.predictor.Predictor about every crop of some data.manifest.Manifests, as encoded files.

    Returns:
      Predictions.

    Raises:
      InputError: a crop that is missing or cannot be decoded.
    """
    paths, sources, true = _read_labels(manifests)
    if "age_group" in predictor.labels:
        numbers = group_numbers(true["age"], predictor.age_groups)
        true["age_group"] = np.where(numbers < 0, np.nan, numbers)
    # What the age head has no class for is unlabelled for it, here as in training.
    if "age" in predictor.labels:
        true["age"][true["age"] > predictor.max_age] = np.nan
    predicted, confidences, ages = {name: [] for name in predictor.labels}, {}, {}
    for start in tqdm(
        range(0, len(paths), batch_size), unit="batches", desc="Evaluate", mininterval=0.5
    ):
        outputs = _predict(predictor, paths[start : start + batch_size])
        for name, (values, confidence) in predictor.predictions(outputs).items():
            predicted[name].extend(values)
            if confidence is not None:
                confidences.setdefault(name, []).extend(confidence)
        for name in OUTPUTS:
            if name in outputs:
                ages.setdefault(name, []).extend(outputs[name])
        if "age_probabilities" in outputs:
            ranks = _ranks(outputs["age_probabilities"], true["age"][start : start + batch_size])
            ages.setdefault("age_rank", []).extend(ranks)
    predicted, confidences, ages = (
        {name: np.array(values, np.float64) for name, values in columns.items()}
        for columns in (predicted, confidences, ages)
    )
    return Predictions(paths, true, predicted, predictor.labels, sources, confidences, ages)


def _read_labels(manifests):
    """Returns (paths, name of each one's manifest, {task: float [n], NaN where not labelled})."""
    paths, sources, true = [], [], {name: [] for name in LABELS}
    for name, manifest in zip(source_names([manifest.path for manifest in manifests]), manifests):
        files, columns = read_manifest(manifest.path, manifest.tasks, manifest.part)
        paths += [os.path.join(manifest.image_dir, file) for file in files]
        sources += [name] * len(files)
        for task, labels in true.items():
            labels += [
                np.nan if label is None else label
                for label in columns.get(task, [None] * len(files))
            ]
    return paths, sources, {task: np.array(labels, np.float64) for task, labels in true.items()}


def _predict(predictor, paths):
    pictures = _read(paths)
    try:
        return predictor.predict_bytes(pictures)
    except InputError:  # which names none of them
        for path, picture in zip(paths, pictures):
            try:
                predictor.predict_bytes([picture])
            except InputError:
                raise InputError(f"{path} cannot be decoded, preprocess again") from None
        raise


def _ranks(probabilities, years):
    """Returns float [batch]: where in its distribution each true year lies, from 0 to 1; NaN for NaN."""
    ranks = np.full(len(years), np.nan)
    for index, year in enumerate(years):
        if not np.isnan(year):
            ranks[index] = (
                probabilities[index, : int(year)].sum() + probabilities[index, int(year)] / 2
            )
    return ranks


def _read(paths):
    try:
        return filesystem.read_all(paths)
    except OSError as error:
        raise InputError(
            f"{error.filename}: cannot be read ({error.strerror}); see --img-dir"
        ) from None
