"""A model over manifests: the true labels and the predictions of every crop."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm import tqdm

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.manifest import Manifest, paths_of
from age_gender_estimation.data.source_names import source_names
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.tasks.age_groups import group_numbers
from age_gender_estimation.tasks.age_labels import is_one_year
from age_gender_estimation.tasks.labels import LABELS, Label

# What a model with an age distribution predicts beside the age.
OUTPUTS = ("age_median", "age_low", "age_high", "probability_under_18")


@dataclass(frozen=True)
class Predictions:
    """True and predicted labels of the n crops of some manifests.

    A predicted label is a task, or `age_group` for age where the model predicts ranges of years.

    Attributes:
      paths: n crops.
      true: {task: float [n]}, NaN where not labelled; with an `age_group`, also the number of its
        range.
      predicted: {label: float [n]}, years for age, class numbers for the others.
      labels: {label: Label}.
      sources: n names of the crops' manifests.
      confidences: {label: float [n]}, the probability of the predicted class; not of age.
      ages: {output: float [n]}, those of OUTPUTS that the model has, and `age_rank`: the share of
        the age distribution below the true year plus half of that at it, NaN where not labelled. {}
        for a model without a distribution.
    """

    paths: list[str]
    true: dict[str, np.ndarray]
    predicted: dict[str, np.ndarray]
    labels: dict[str, Label]
    sources: list[str]
    confidences: dict[str, np.ndarray] = field(default_factory=dict)
    ages: dict[str, np.ndarray] = field(default_factory=dict)


def predict_manifests(
    predictor, manifests: Sequence[Manifest], batch_size: int = 64
) -> Predictions:
    """Predicts the labels of every crop of some manifests.

    Args:
      predictor: predict.predictor.Predictor.
      manifests: the manifests; labels that they do not use count as missing.
      batch_size: crops at once.

    Raises:
      InputError: a crop that is missing or cannot be decoded.
    """
    paths, true = paths_of(manifests), _true_labels(manifests)
    names = source_names([manifest.path for manifest in manifests])
    sources = [name for name, manifest in zip(names, manifests) for _ in manifest.filenames]
    if "age_group" in predictor.labels:
        numbers = group_numbers(true["age"], predictor.age_groups)
        true["age_group"] = np.where(numbers < 0, np.nan, numbers)
    # What the age head has no class for is unlabelled for it, here as in training.
    if "age" in predictor.labels:
        true["age"][true["age"] > predictor.max_age] = np.nan
    predicted: dict[str, list] = {name: [] for name in predictor.labels}
    confidences: dict[str, list] = {}
    ages: dict[str, list] = {}
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
    return Predictions(
        paths,
        true,
        _as_arrays(predicted),
        predictor.labels,
        sources,
        _as_arrays(confidences),
        _as_arrays(ages),
    )


def _as_arrays(columns):
    return {name: np.array(values, np.float64) for name, values in columns.items()}


def _true_labels(manifests):
    """Returns {task: float [n], NaN where not labelled}."""
    true = {}
    for task in LABELS:
        labels = np.concatenate([manifest.labels[task] for manifest in manifests])
        is_known = is_one_year(labels) if task == "age" else labels >= 0
        true[task] = np.where(is_known, labels.astype(np.float64), np.nan)
    return true


def _predict(predictor, paths):
    try:
        return predictor.predict_bytes(filesystem.read_all(paths))
    except OSError as error:
        raise InputError(
            f"{error.filename}: cannot be read ({error.strerror}); see --img-dir"
        ) from None
    except InputError as error:  # which names no file
        reason = find_corrupt_image(paths, lambda content: predictor.predict_bytes([content]))
        raise InputError(reason or str(error)) from None


def _ranks(probabilities, years):
    """Returns float [batch]: the place of each true year in its distribution, from 0 to 1; NaN for
    NaN."""
    ranks = np.full(len(years), np.nan)
    for index, year in enumerate(years):
        if not np.isnan(year):
            ranks[index] = (
                probabilities[index, : int(year)].sum() + probabilities[index, int(year)] / 2
            )
    return ranks
