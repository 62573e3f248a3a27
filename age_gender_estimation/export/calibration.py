"""How sure the answers are, fitted on faces that neither trained nor chose the model: temperatures and an interval.

Logits are divided by a temperature per head (Guo et al., ICML 2017). The age interval holds as much of the age
distribution as it took to hold 80% of the true ages (distributional conformal prediction: Chernozhukov et al., PNAS 2021).
"""

import dataclasses
import json
import logging
import math
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf
from scipy.optimize import minimize_scalar

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.input_pipeline import evaluation_dataset
from age_gender_estimation.data.manifest import paths_of
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.files import read_json, write_file
from age_gender_estimation.tasks.age_groups import group_numbers
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.hparams import load_hparams

logger = logging.getLogger(__name__)

MIN_LABELS = 50  # under this a head keeps its temperature of 1
SMALLEST = 1e-30  # of a probability whose logarithm is taken
ENDING = ".calibration.json"


@dataclass(frozen=True)
class Calibration:
    """What an export does to the logits of a checkpoint.

    Attributes:
      temperatures: {task: what its logits are divided by}; 1 for a task that is not named.
      interval_mass: share of the age distribution between `age_low` and `age_high`.
      labels: {task: number of labelled faces that this was fitted on}; empty where nothing was.
      num_faces: how many were set aside for it, whether or not there was anything to fit.
    """

    temperatures: dict = field(default_factory=dict)
    interval_mass: float = INTERVAL_COVERAGE
    labels: dict = field(default_factory=dict)
    num_faces: int = 0


def calibrate(model_dir, checkpoint, manifests):
    """Fits a Calibration for a checkpoint, and keeps it in a file beside it.

    Args:
      model_dir: the model folder.
      checkpoint: prefix of the checkpoint.
      manifests: list of Manifest of faces that neither trained nor chose it.

    Raises:
      InputError: a picture cannot be decoded.
    """
    hparams = load_hparams(model_dir)
    try:
        answers = list(
            make_estimator(hparams, model_dir).predict(
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
    temperatures, mass, counts = {}, INTERVAL_COVERAGE, {}
    for task in hparams.tasks:
        labels = np.concatenate([manifest.labels[task] for manifest in manifests])
        classes, output = _classes(task, labels, hparams)
        is_labelled = classes >= 0
        if is_labelled.sum() < MIN_LABELS or output not in answers[0]:
            continue
        logits = np.log(np.maximum([answer[output] for answer in answers], SMALLEST))[is_labelled]
        temperatures[task] = fit_temperature(logits, classes[is_labelled])
        counts[task] = int(is_labelled.sum())
        if output == "age_probabilities":
            mass = fit_interval_mass(_softmax(logits / temperatures[task]), classes[is_labelled])
    calibration = Calibration(temperatures, mass, counts, len(answers))
    write_file(checkpoint + ENDING, json.dumps(dataclasses.asdict(calibration), indent=1) + "\n")
    logger.info(
        "calibrated | %s",
        " ".join(
            f"{task} temperature {temperatures[task]:.3f} ({counts[task]} faces)"
            if task in counts
            else f"{task} not"
            for task in hparams.tasks
        ),
    )
    return calibration


def load_calibration(checkpoint):
    """Returns the Calibration of a checkpoint; one that changes nothing where none was fitted.

    Raises:
      InputError: there is a file that holds none.
    """
    try:
        calibration = Calibration(**read_json(checkpoint + ENDING))
        numbers = [calibration.interval_mass, *calibration.temperatures.values()]
        if not all(0 < number < math.inf for number in numbers):
            raise ValueError(f"expected numbers above 0, got {numbers!r:.80}")
        return calibration
    except FileNotFoundError:
        return Calibration()
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"{checkpoint}{ENDING}: expected what train.py writes ({error}); export.py --val-csv "
            "calibrates again"
        ) from None


def fit_temperature(logits, classes):
    """Returns the temperature with the least cross-entropy, from 0.1 to 10.

    Args:
      logits: float [n, classes].
      classes: int [n], the true ones.
    """

    def loss(log_temperature):
        return -np.log(
            np.maximum(
                _softmax(logits / math.exp(log_temperature))[np.arange(len(classes)), classes],
                SMALLEST,
            )
        ).mean()

    return math.exp(minimize_scalar(loss, bounds=(-math.log(10), math.log(10)), method="bounded").x)


def fit_interval_mass(probabilities, years, coverage=INTERVAL_COVERAGE):
    """Returns the share of the distribution that intervals need to hold the true year in `coverage` of the cases.

    Args:
      probabilities: float [n, years].
      years: int [n], the true ones.
      coverage: from 0 to 1; of new faces at least this share is held in the mean over calibration sets, as far as they
        are drawn like these.
    """
    sums = np.cumsum(probabilities, axis=1)
    rows = np.arange(len(years))
    up_to, below = sums[rows, years], sums[rows, years] - probabilities[rows, years]
    # The interval from quantile (1 - mass) / 2 to (1 + mass) / 2 holds a year as soon as mass reaches this.
    needed = 2 * np.maximum(0.5 - up_to, below - 0.5)
    rank = math.ceil((len(years) + 1) * coverage)
    if rank > len(years):
        return 1.0
    return float(np.clip(np.sort(needed)[rank - 1] + 1e-6, 1e-6, 1.0))


def _classes(task, labels, hparams):
    """Returns (int [n] class of each label, -1 for none; the output with the classes' probabilities)."""
    if task != "age":
        return labels, f"{task}_probabilities"
    if not hparams.age_groups():
        return np.where(labels <= hparams.max_age, labels, -1), "age_probabilities"
    return group_numbers(labels, hparams.age_groups()), "age_group_probabilities"


def _softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
