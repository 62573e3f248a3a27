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
from age_gender_estimation.tasks.age_groups import allowed_groups
from age_gender_estimation.tasks.age_labels import first_years, is_one_year, last_years
from age_gender_estimation.tasks.labels import LABELS, Label

# What a model with an age distribution predicts beside the age.
OUTPUTS = ("age_median", "age_low", "age_high", "probability_under_18")


@dataclass(frozen=True)
class Predictions:
    """True and predicted labels of the n crops of some manifests.

    A predicted label is a task, or `age_group` for age where the model predicts ranges of years.

    Attributes:
      paths: n crops.
      true: {task: float [n]}, NaN where not labelled; of age the years, NaN for a range. With an
        `age_group`, also the number of its group: of several that a range means, the nearest to
        the predicted one.
      predicted: {label: float [n]}, years for age, class numbers for the others.
      labels: {label: Label}.
      sources: n names of the crops' manifests.
      ranges: float [n, 2], the first and last year of each age that is a range, NaN for the others.
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
    ranges: np.ndarray
    confidences: dict[str, np.ndarray] = field(default_factory=dict)
    ages: dict[str, np.ndarray] = field(default_factory=dict)

    def num_unused_ages(self, manifests: Sequence[Manifest]) -> int:
        """Returns how many ages of the manifests are none that the model can predict."""
        if "age_group" in self.predicted:
            is_used = np.isfinite(self.true["age_group"])
        elif "age" in self.predicted:
            is_used = np.isfinite(self.true["age"]) | np.isfinite(self.ranges[:, 0])
        else:
            return 0
        return sum(manifest.num_labels["age"] for manifest in manifests) - int(is_used.sum())


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
    paths, labels = paths_of(manifests), _column(manifests, "age")
    names = source_names([manifest.path for manifest in manifests])
    sources = [name for name, manifest in zip(names, manifests) for _ in manifest.filenames]
    # What the age head has no class for is unlabelled for it, here as in training.
    if "age" in predictor.labels:
        labels = np.where(first_years(labels) <= predictor.max_age, labels, -1)
    true = {task: _known(_column(manifests, task)) for task in LABELS}
    true["age"] = np.where(is_one_year(labels), labels, np.nan)
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
    if "age_group" in predicted:
        true["age_group"] = _true_groups(labels, predictor.age_groups, predicted["age_group"])
    return Predictions(
        paths,
        true,
        _as_arrays(predicted),
        predictor.labels,
        sources,
        _ranges(labels),
        _as_arrays(confidences),
        _as_arrays(ages),
    )


def _as_arrays(columns):
    return {name: np.array(values, np.float64) for name, values in columns.items()}


def _column(manifests, task):
    return np.concatenate([manifest.labels[task] for manifest in manifests])


def _known(labels):
    """Returns float [n], NaN where not labelled."""
    return np.where(labels >= 0, labels, np.nan)


def _ranges(labels):
    is_range = (labels >= 0) & ~is_one_year(labels)
    years = np.stack([first_years(labels), last_years(labels)], axis=1)
    return np.where(is_range[:, np.newaxis], years, np.nan)


def _true_groups(labels, groups, predicted):
    """Returns the number of the group that each age means, float [n], NaN for none; see
    Predictions."""
    allowed = np.stack(allowed_groups(labels, groups), axis=1)
    steps = abs(np.arange(len(groups)) - np.array(predicted)[:, np.newaxis])
    nearest = np.where(allowed, steps, len(groups)).argmin(axis=1)
    return np.where(allowed.any(axis=1), nearest, np.nan)


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
