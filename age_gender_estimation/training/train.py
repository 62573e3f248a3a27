"""Training: manifests in, a model folder with checkpoints, best/ and eval.json out."""

import contextlib
import dataclasses
import logging
import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from age_gender_estimation.data.input_pipeline import evaluation_dataset, training_dataset
from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.storage.model_folder import ModelFolder, step_of
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.checkpoint_history import CheckpointHistory, EvaluationListener
from age_gender_estimation.training.distributed.distribution import OneDevice
from age_gender_estimation.training.doubts import find_doubts
from age_gender_estimation.training.estimator import make_estimator, make_evaluator
from age_gender_estimation.training.failures import explained_failures
from age_gender_estimation.training.hooks import ProgressHook
from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.start import prepare_start
from age_gender_estimation.training.teachers import add_answers
from age_gender_estimation.training.training_data import (
    check_validation,
    describe_data,
    fit_to_data,
)

logger = logging.getLogger(__name__)


def train_and_evaluate(
    hparams: HParams,
    train_manifests: Sequence[Manifest],
    val_manifests: Sequence[Manifest],
    model_dir: str,
    is_terminated: Callable[[], bool] = lambda: False,
    distribution: OneDevice | None = None,
) -> dict | None:
    """Trains until num_steps, early stopping or a request to stop, and evaluates on the way.

    A model folder that holds checkpoints is resumed from the newest one.

    Args:
      hparams: HParams; empty `tasks` become those that the training manifests label.
      train_manifests: what to learn from.
      val_manifests: what the checkpoints are evaluated on.
      model_dir: the model folder.
      is_terminated: once true, training saves a checkpoint and returns without evaluating.
      distribution: where to train; on one device if None.

    Returns:
      The best evaluation, a dict with `step`, `val_loss` and the metrics; None if there was no time
      for one, and in workers that are not the chief.

    Raises:
      InputError: settings that do not fit the data or the folder, another training in the folder,
        an image that cannot be decoded, a full disk, or a loss that became NaN.
    """
    distribution, folder = distribution or OneDevice(), ModelFolder(model_dir)
    hparams = fit_to_data(hparams, train_manifests, val_manifests)
    first_step = step_of(folder.newest_checkpoint())
    doubts = find_doubts(
        hparams.tasks, train_manifests, val_manifests, hparams.num_steps - first_step
    )
    for doubt in doubts:
        logger.warning("%s", doubt)
    # Of the same rows, wherever they lie on each machine.
    rows = [manifest.identity for manifest in train_manifests]
    distribution.require_same_start(repr((first_step, hparams, rows)))
    start = prepare_start(hparams, folder, distribution)
    train_manifests = add_answers(train_manifests, hparams.teacher, make_heads(hparams), folder)
    estimator = make_estimator(hparams, model_dir, start, distribution)

    def is_stopping() -> bool:
        return is_terminated() or distribution.is_terminated

    def read_batches(input_context=None) -> tf.data.Dataset:
        # A resumed training draws other batches than the first ones of the epoch again.
        seed = hparams.seed + first_step
        return training_dataset(train_manifests, hparams.tasks, hparams, seed, input_context)

    with folder.lock() if distribution.is_chief else contextlib.nullcontext():
        if distribution.is_chief:
            # After the backbone was built: settings that it refuses leave no hparams.json here.
            _describe(hparams, train_manifests, val_manifests, doubts, folder)
        history = _make_history(hparams, val_manifests, folder, estimator, is_stopping)
        listener = EvaluationListener(history, hparams, is_stopping)
        progress = ProgressHook(
            hparams.tasks, hparams.num_steps, hparams.batch_size, hparams.log_steps
        )
        manifests = [*train_manifests, *val_manifests]
        with explained_failures(hparams, folder, manifests, distribution.is_chief):
            distribution.train(
                estimator,
                read_batches,
                [progress, *distribution.hooks(folder, hparams, listener)],
                _last_step(hparams, history, first_step),
            )
            if distribution.is_chief and not is_stopping():
                _evaluate_last(history)
    return history.best() if distribution.is_chief else None


def _describe(hparams, train_manifests, val_manifests, doubts, folder):
    """Writes what a model folder says about itself; removes what a killed training left in it."""
    data = describe_data(train_manifests, val_manifests, hparams.img_size) | {"doubts": doubts}
    check_validation(data, folder.path)
    folder.remove_unfinished_checkpoints()
    folder.write_hparams(dataclasses.asdict(hparams))
    folder.write_data(data)


def _make_history(hparams, val_manifests, folder, estimator, is_stopping):
    evaluator = make_evaluator(hparams, estimator)

    def read_rows():
        return evaluation_dataset(
            val_manifests, hparams.tasks, hparams.img_size, 2 * hparams.batch_size
        )

    return CheckpointHistory(
        folder, lambda hooks: evaluator.evaluate(read_rows, hooks=hooks), is_stopping
    )


def _last_step(hparams, history, first_step):
    """Returns the step to train to; a resumed training that had stopped early has none left."""
    if not (first_step and history.is_over(hparams.early_stopping)):
        return hparams.num_steps
    logger.info(
        "stopped early before: %d evaluations without a better val_loss", hparams.early_stopping
    )
    return first_step


def _evaluate_last(history):
    history.evaluate_newest()
    best = history.best()
    if best and math.isnan(best["val_loss"]):
        raise tf.estimator.NanLossDuringTrainingError
