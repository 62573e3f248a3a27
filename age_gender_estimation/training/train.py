"""Training: manifests in, a model folder with checkpoints, best/ and eval.json out."""

import contextlib
import json
import logging
import math
import os
import time

import tensorflow as tf

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.input_pipeline import evaluation_dataset, training_dataset
from age_gender_estimation.data.manifest import paths_of
from age_gender_estimation.errors import InputError
from age_gender_estimation.networks.network import write_start
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import find_full_disk, short_message
from age_gender_estimation.storage.files import locked, write_file
from age_gender_estimation.training.distributed.distribution import Distribution
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.evaluations import (
    EvaluationListener,
    Evaluations,
    remove_unfinished,
    step_of,
)
from age_gender_estimation.training.hooks import (
    ProgressHook,
    StopHook,
    SyncStopHook,
    TimedSaverHook,
)
from age_gender_estimation.training.hparams import check_resume, load_hparams
from age_gender_estimation.training.training_data import (
    check_validation,
    describe_data,
    fit_to_data,
)

logger = logging.getLogger(__name__)


def train_and_evaluate(
    hparams,
    train_manifests,
    val_manifests,
    model_dir,
    is_terminated=lambda: False,
    distribution=None,
):
    """Trains until num_steps, early stopping or a request to stop, evaluating on the way.

    A model folder that holds checkpoints is continued from the newest.

    Args:
      hparams: HParams; empty `tasks` become those that the training manifests label.
      train_manifests: list of Manifest.
      val_manifests: list of Manifest that selects the best checkpoint.
      model_dir: the model folder.
      is_terminated: () -> bool; once true, a checkpoint is saved and training returns without evaluating.
      distribution: Distribution; one device if None. Of several workers only the chief evaluates and writes model_dir.

    Returns:
      The best evaluation, a dict with `step`, `val_loss` and the metrics; None if there was no time for one, and for
      workers that are not the chief.

    Raises:
      InputError: settings that do not fit the data or the folder, another training at work in it, a picture that cannot be
        decoded, or a loss that became NaN.
    """
    distribution = distribution or Distribution()
    hparams = fit_to_data(hparams, train_manifests, val_manifests)
    newest = tf.train.latest_checkpoint(model_dir) if filesystem.exists(model_dir) else None
    # The manifests may lie elsewhere in each worker.
    lists = [manifest.identity for manifest in train_manifests]
    distribution.require_agreement(repr((step_of(newest), hparams, lists)))
    start = _prepare_start(hparams, model_dir, newest, distribution)
    estimator = make_estimator(hparams, model_dir, start, distribution)
    with contextlib.ExitStack() as stack:
        if distribution.is_chief:
            stack.enter_context(
                locked(
                    os.path.join(model_dir, "train.lock"),
                    f"{model_dir}: another training is at work in it; wait for it, or choose another --model-dir",
                )
            )
            # After the network was built: settings that it refuses must not stand in the way of the corrected command.
            _describe(hparams, train_manifests, val_manifests, model_dir)
        return _train(
            estimator,
            hparams,
            train_manifests,
            val_manifests,
            model_dir,
            newest,
            is_terminated,
            distribution,
        )


def _describe(hparams, train_manifests, val_manifests, model_dir):
    """Writes what a model folder says of itself, and removes what a killed training left unfinished in it."""
    data = describe_data(train_manifests, val_manifests, hparams.img_size)
    check_validation(data, model_dir)
    remove_unfinished(model_dir)
    write_file(os.path.join(model_dir, "hparams.json"), hparams.to_json())
    write_file(os.path.join(model_dir, "data.json"), json.dumps(data, indent=2) + "\n")


def _train(
    estimator,
    hparams,
    train_manifests,
    val_manifests,
    model_dir,
    newest,
    is_terminated,
    distribution,
):
    def is_stopping():
        return is_terminated() or distribution.is_terminated

    evaluator = make_estimator(hparams, model_dir) if distribution.cluster else estimator
    evaluations = Evaluations(
        model_dir,
        lambda hooks: evaluator.evaluate(
            lambda: evaluation_dataset(
                val_manifests, hparams.tasks, hparams.img_size, 2 * hparams.batch_size
            ),
            hooks=hooks,
        ),
        is_stopping,
    )
    hooks = _hooks(hparams, model_dir, evaluations, is_stopping, distribution)
    # A resumed run goes on with other batches instead of the epoch's first ones again.
    seed = hparams.seed + step_of(newest)
    num_steps = hparams.num_steps
    if newest and evaluations.is_over(hparams.early_stopping):  # the same command once more
        logger.info(
            "stopped early before: %d evaluations without a better val_loss", hparams.early_stopping
        )
        num_steps = step_of(newest)
    try:
        distribution.train(
            estimator,
            lambda input_context=None: training_dataset(
                train_manifests, hparams.tasks, hparams, seed, input_context
            ),
            hooks,
            num_steps,
        )
        if distribution.is_chief and not is_stopping():
            evaluations.evaluate_newest()
            if evaluations.best() and math.isnan(evaluations.best()["val_loss"]):
                raise tf.estimator.NanLossDuringTrainingError
    except tf.estimator.NanLossDuringTrainingError:
        raise InputError(
            f"the loss became NaN; lower --learning-rate (now {hparams.learning_rate}) and start again: "
            f"{model_dir} holds the last checkpoint, best/ the best one"
        ) from None
    except tf.errors.OpError as error:  # a picture, the disk or the memory
        if distribution.is_chief:
            remove_unfinished(model_dir)
        is_of_pictures = (
            "IteratorGetNext" in error.message
        )  # else it would take hours to look for one in vain
        reason = (
            find_full_disk(error.message)
            or is_of_pictures
            and find_corrupt_image(paths_of([*train_manifests, *val_manifests]))
            or short_message(error)
        )
        raise InputError(
            f"training stopped: {reason}; {model_dir} holds the last checkpoint"
        ) from None
    except (
        ValueError
    ) as error:  # what TensorFlow's Saver makes of any failure, where the folder has gone
        if "Parent directory" not in str(error):
            raise
        raise InputError(
            f"training stopped: {model_dir}, its folder or bucket, is not there any more"
        ) from None
    return evaluations.best() if distribution.is_chief else None


def _hooks(hparams, model_dir, evaluations, is_terminated, distribution):
    deadline = time.monotonic() + 60 * hparams.max_minutes if hparams.max_minutes else float("inf")
    listener = EvaluationListener(
        evaluations, hparams.early_stopping, is_terminated, not distribution.cluster
    )
    hooks = [ProgressHook(hparams.tasks, hparams.num_steps, hparams.batch_size, hparams.log_steps)]
    if not distribution.cluster:
        return [
            *hooks,
            StopHook(lambda: is_terminated() or time.monotonic() > deadline),
            TimedSaverHook(
                model_dir, save_secs=60 * hparams.checkpoint_minutes, save_graph_def=False
            ),
            tf.estimator.CheckpointSaverHook(
                model_dir, save_steps=hparams.eval_steps, save_graph_def=False, listeners=[listener]
            ),
        ]
    # Reading batch-norm statistics for a checkpoint is a step of all workers, so all save, by steps; the chief's counts.
    return [
        *hooks,
        SyncStopHook(
            distribution, is_terminated, lambda: listener.is_done or time.monotonic() > deadline
        ),
        tf.estimator.CheckpointSaverHook(
            distribution.checkpoint_dir(model_dir),
            save_steps=hparams.eval_steps,
            save_graph_def=False,
            listeners=[listener] if distribution.is_chief else [],
        ),
    ]


def require_device(device):
    """Applies --device: "cpu" hides GPUs, "gpu" insists on one, "auto" takes what is there.

    Raises:
      InputError: a GPU was asked for and TensorFlow sees none.
    """
    if device == "cpu":
        # tf.config.set_visible_devices does not reach the sessions of an Estimator; CUDA reads this when it is first used.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise InputError(
            "a GPU was asked for and TensorFlow sees none; use the GPU image with `docker run --gpus all`, "
            "or --device cpu"
        )
    logger.info("training on %s", f"{len(gpus)} GPU" if gpus else "the CPU: no GPU is used")


def _prepare_start(hparams, model_dir, newest, distribution):
    """Returns the prefix of the checkpoint to start from, made from published weights or that of an export, or None."""
    if filesystem.exists(os.path.join(model_dir, "hparams.json")):
        check_resume(load_hparams(model_dir), hparams, model_dir)
    if newest:
        logger.info("going on from step %d in %s", step_of(newest), model_dir)
        return None
    if hparams.warm_start != "none":
        start = os.path.join(
            hparams.warm_start, "variables", "variables"
        )  # the checkpoint inside a SavedModel
        try:
            tf.train.load_checkpoint(start)
        except (tf.errors.OpError, ValueError):
            raise InputError(
                f"--warm-start: expected an export with its weights, found none that can be read in "
                f"{hparams.warm_start}"
            ) from None
        return start
    if hparams.weights == "none":
        return None
    start = os.path.join(distribution.checkpoint_dir(model_dir), "start", "backbone.ckpt")
    write_start(hparams, start)
    return start
