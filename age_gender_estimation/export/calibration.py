"""Calibration: how sure predictions are, fitted on faces that neither trained nor chose the model.

Logits are divided by a temperature per head (Guo et al., ICML 2017). The age interval holds the
share of the age distribution that it took to hold 80% of the true ages (distributional conformal
prediction: Chernozhukov et al., PNAS 2021).
"""

import dataclasses
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.input_pipeline import evaluation_dataset
from age_gender_estimation.data.manifest import Manifest, paths_of
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.model_folder import (
    ModelFolder,
    read_calibration,
    write_calibration,
)
from age_gender_estimation.tasks.age_groups import group_numbers
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.hparams import HParams, load_hparams

logger = logging.getLogger(__name__)

MIN_LABELS = 50  # with fewer, a head keeps its temperature of 1
SMALLEST = 1e-30  # probability whose logarithm is taken


@dataclass(frozen=True)
class Calibration:
    """What an export does to the logits of a checkpoint.

    Attributes:
      temperatures: {task: divisor of its logits}; 1 for a task that is not named.
      interval_mass: share of the age distribution between `age_low` and `age_high`.
      labels: {task: number of labelled faces that this was fitted on}; empty if nothing was fitted.
      num_faces: number of faces set aside for it, whether or not anything was fitted.
    """

    temperatures: dict[str, float] = field(default_factory=dict)
    interval_mass: float = INTERVAL_COVERAGE
    labels: dict[str, int] = field(default_factory=dict)
    num_faces: int = 0


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
    temperatures, mass, counts = {}, INTERVAL_COVERAGE, {}
    for task in hparams.tasks:
        labels = np.concatenate([manifest.labels[task] for manifest in manifests])
        classes, name = _classes(task, labels, hparams)
        is_labelled = classes >= 0
        if is_labelled.sum() < MIN_LABELS or name not in outputs:
            continue
        classes = classes[is_labelled]
        logits = np.log(np.maximum(outputs[name][is_labelled], SMALLEST))
        temperatures[task] = fit_temperature(logits, classes)
        counts[task] = len(classes)
        if name == "age_probabilities":
            mass = fit_interval_mass(softmax(logits / temperatures[task], axis=1), classes)
    num_faces = sum(manifest.num_rows for manifest in manifests)
    calibration = Calibration(temperatures, mass, counts, num_faces)
    write_calibration(checkpoint, dataclasses.asdict(calibration))
    shown = (
        f"{task} temperature {temperatures[task]:.3f} ({counts[task]} faces)"
        if task in counts
        else f"{task} not"
        for task in hparams.tasks
    )
    logger.info("calibrated | %s", " ".join(shown))
    return calibration


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


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """Returns the temperature with the lowest cross-entropy, from 0.1 to 10.

    Args:
      logits: float [n, classes].
      classes: int [n], the true ones.
    """
    rows = np.arange(len(classes))

    def loss(log_temperature):
        probabilities = softmax(logits / math.exp(log_temperature), axis=1)
        return -np.log(np.maximum(probabilities[rows, classes], SMALLEST)).mean()

    return math.exp(minimize_scalar(loss, bounds=(-math.log(10), math.log(10)), method="bounded").x)


def fit_interval_mass(
    probabilities: np.ndarray, years: np.ndarray, coverage: float = INTERVAL_COVERAGE
) -> float:
    """Returns the share of the distribution with which intervals hold `coverage` of the true ages.

    Args:
      probabilities: float [n, years].
      years: int [n], the true ones.
      coverage: from 0 to 1. On average over calibration sets, intervals hold at least this share of
        new faces from the same distribution.
    """
    sums = np.cumsum(probabilities, axis=1)
    rows = np.arange(len(years))
    up_to, below = sums[rows, years], sums[rows, years] - probabilities[rows, years]
    # The interval from quantile (1 - mass) / 2 to (1 + mass) / 2 holds a year from this mass on.
    needed = 2 * np.maximum(0.5 - up_to, below - 0.5)
    rank = math.ceil((len(years) + 1) * coverage)
    if rank > len(years):
        return 1.0
    return float(np.clip(np.sort(needed)[rank - 1] + 1e-6, 1e-6, 1.0))


def _classes(task: str, labels: np.ndarray, hparams: HParams) -> tuple[np.ndarray, str]:
    """Returns the class of each label, int [n], -1 for none; and the name of the output."""
    if task != "age":
        return labels, f"{task}_probabilities"
    groups = hparams.age_groups()
    if not groups:
        # Ranges of years are above max_age too.
        return np.where(labels <= hparams.max_age, labels, -1), "age_probabilities"
    return group_numbers(labels, groups), "age_group_probabilities"
