"""Calibration: how sure predictions are, fitted on faces that neither trained nor chose the model.

Logits are divided by a temperature per head (Guo et al., ICML 2017). The age interval holds the
share of the age distribution that it took to hold 80% of the true ages (distributional conformal
prediction: Chernozhukov et al., PNAS 2021). Each validation manifest counts alike, however long it
is. A range of years counts for the temperature, by the probability of the whole range; the interval
is fitted on years alone, for a range does not say where in it the true age lies.
"""

import dataclasses
import logging
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from scipy.special import softmax

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.input_pipeline import evaluation_dataset
from age_gender_estimation.data.manifest import Manifest, paths_of
from age_gender_estimation.data.source_names import source_names
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError
from age_gender_estimation.export.fitting import (
    MIN_LABELS,
    SMALLEST,
    equal_weights,
    fit_interval_mass,
    fit_temperature,
)
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.model_folder import (
    ModelFolder,
    read_calibration,
    write_calibration,
)
from age_gender_estimation.tasks.age_groups import allowed_groups
from age_gender_estimation.tasks.age_labels import is_one_year, means_year
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE, LABELS
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.hparams import HParams, load_hparams

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Calibration:
    """What an export does to the logits of a checkpoint.

    Attributes:
      temperatures: {task: divisor of its logits}; 1 for a task that is not named.
      interval_mass: share of the age distribution between `age_low` and `age_high`.
      labels: {task: number of labelled faces that this was fitted on}; empty if nothing was fitted.
      num_faces: number of faces set aside for it, whether or not anything was fitted.
      sources: {name of a manifest: `labels` of its faces}.
      sha256: {name of a manifest: hex digest of its file}.
    """

    temperatures: dict[str, float] = field(default_factory=dict)
    interval_mass: float = INTERVAL_COVERAGE
    labels: dict[str, int] = field(default_factory=dict)
    num_faces: int = 0
    sources: dict[str, dict[str, int]] = field(default_factory=dict)
    sha256: dict[str, str] = field(default_factory=dict)


def calibrate(model_dir: str, manifests: Sequence[Manifest]) -> Calibration:
    """Fits a Calibration for the best checkpoint of a model folder, and keeps it beside it.

    Args:
      model_dir: the model folder.
      manifests: faces that neither trained nor chose the checkpoint.

    Raises:
      InputError: there are no manifests, or an image cannot be decoded.
    """
    if not manifests:
        raise InputError(
            f"--val-csv: expected a manifest of at least {MIN_ROWS} rows, a third of which "
            "calibrates, found none"
        )
    hparams, checkpoint = load_hparams(model_dir), ModelFolder(model_dir).best_checkpoint()
    outputs = _predict(hparams, model_dir, checkpoint, manifests)
    calibration = fit_calibration(hparams, outputs, manifests)
    write_calibration(checkpoint, dataclasses.asdict(calibration))
    shown = (
        f"{task} temperature {calibration.temperatures[task]:.3f} "
        f"({calibration.labels[task]} faces)"
        if task in calibration.labels
        else f"{task} not"
        for task in hparams.tasks
    )
    logger.info("calibrated | %s", " ".join(shown))
    return calibration


def fit_calibration(
    hparams: HParams, outputs: dict[str, np.ndarray], manifests: Sequence[Manifest]
) -> Calibration:
    """Returns the Calibration that fits predictions to labels, with equal weight per manifest.

    Args:
      hparams: of the model.
      outputs: {output: float [n, ...]} for the n rows of all manifests.
      manifests: the labels.
    """
    names = _names(manifests)
    sources = list(dict.fromkeys(names))
    numbers = np.repeat(
        [sources.index(name) for name in names], [manifest.num_rows for manifest in manifests]
    )
    temperatures, mass, counts = {}, INTERVAL_COVERAGE, {}
    by_source: dict[str, dict[str, int]] = {name: {} for name in sources}
    for task in hparams.tasks:
        labels = np.concatenate([manifest.labels[task] for manifest in manifests])
        allowed, output = _allowed_classes(task, labels, hparams)
        rows = np.flatnonzero(allowed.any(axis=1))
        if len(rows) < MIN_LABELS or output not in outputs:
            continue
        logits = np.log(np.maximum(outputs[output][rows], SMALLEST))
        temperature = fit_temperature(logits, allowed[rows], equal_weights(numbers[rows]))
        temperatures[task], counts[task] = temperature, len(rows)
        for name, of_source in zip(sources, np.bincount(numbers[rows], minlength=len(sources))):
            by_source[name][task] = int(of_source)
        if output == "age_probabilities":
            mass = _fit_years(logits / temperature, labels[rows], numbers[rows])
    digests = {name: manifest.sha256 for name, manifest in zip(names, manifests)}
    return Calibration(temperatures, mass, counts, len(numbers), by_source, digests)


def _names(manifests: Sequence[Manifest]) -> list[str]:
    """Returns a name for each manifest; the same where a file is given twice, as utk.csv:age and
    utk.csv:race."""
    paths = [os.path.abspath(manifest.path) for manifest in manifests]
    distinct = list(dict.fromkeys(paths))
    by_path = dict(zip(distinct, source_names(distinct)))
    return [by_path[path] for path in paths]


def _fit_years(logits: np.ndarray, labels: np.ndarray, numbers: np.ndarray) -> float:
    """Returns the interval mass of the rows whose labels are years."""
    rows = np.flatnonzero(is_one_year(labels))
    if len(rows) < MIN_LABELS:
        return INTERVAL_COVERAGE
    return fit_interval_mass(
        softmax(logits[rows], axis=1), labels[rows], equal_weights(numbers[rows])
    )


def _predict(
    hparams: HParams, model_dir: str, checkpoint: str, manifests: Sequence[Manifest]
) -> dict[str, np.ndarray]:
    """Returns {output: float32 [n, ...]} of a checkpoint for all rows of the manifests."""
    estimator = make_estimator(hparams, model_dir)
    try:
        rows = list(
            estimator.predict(
                lambda: evaluation_dataset(
                    manifests, hparams.tasks, hparams.img_size, 2 * hparams.batch_size
                ),
                checkpoint_path=checkpoint,
            )
        )
    except tf.errors.OpError as error:
        reason = find_corrupt_image(paths_of(manifests)) or short_message(error)
        raise InputError(
            f"calibrating stopped: {reason}; {checkpoint} is trained and kept"
        ) from None
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def load_calibration(checkpoint: str) -> Calibration:
    """Returns the Calibration of a checkpoint; one that changes nothing where it has none.

    Raises:
      InputError: its file is damaged.
    """
    return read_calibration(checkpoint, _parse)


def _parse(content: dict) -> Calibration:
    calibration = Calibration(**content)
    numbers = [calibration.interval_mass, *calibration.temperatures.values()]
    if not all(0 < number < math.inf for number in numbers):
        raise ValueError(f"expected numbers above 0, got {numbers!r:.80}")
    return calibration


def _allowed_classes(task: str, labels: np.ndarray, hparams: HParams) -> tuple[np.ndarray, str]:
    """Returns the classes that each label means, bool [n, classes], none for a label that the head
    cannot use; and the name of the output."""
    if task != "age":
        classes = np.arange(LABELS[task].highest + 1)
        return labels[:, np.newaxis] == classes, f"{task}_probabilities"
    if groups := hparams.age_groups():
        return np.stack(allowed_groups(labels, groups), axis=1), "age_group_probabilities"
    years = np.arange(hparams.max_age + 1)
    return means_year(labels[:, np.newaxis], years), "age_probabilities"
