"""Evaluating checkpoints while training: eval.json, the best checkpoint, and when to stop early."""

import functools
import glob
import json
import logging
import math
import os
import shutil

import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import read_json, write_file, write_files
from age_gender_estimation.training.hooks import StopHook

logger = logging.getLogger(__name__)


class Evaluations:
    """The history of evaluations of a model folder, kept in its eval.json.

    Args:
      model_dir: the model folder.
      evaluate: hooks -> dict of metrics of the newest checkpoint, `val_loss` among them.
      is_stopping: () -> bool; an evaluation that this cuts short does not count.
    """

    def __init__(self, model_dir, evaluate, is_stopping):
        self._model_dir, self._evaluate, self._is_stopping = model_dir, evaluate, is_stopping
        self.history = load_history(model_dir)

    def best(self):
        """Returns the evaluation with the lowest val_loss (the earliest of equals; NaN is the worst), or None."""
        return min(
            self.history,
            key=lambda metrics: (math.isnan(metrics["val_loss"]), metrics["val_loss"]),
            default=None,
        )

    def num_since_best(self):
        """Returns how many evaluations came after the best one."""
        return len(self.history) - 1 - self.history.index(self.best()) if self.history else 0

    def is_over(self, patience):
        """Returns whether `patience` evaluations brought nothing better; never for 0."""
        return 0 < patience <= self.num_since_best()

    def evaluate_newest(self):
        """Evaluates the newest checkpoint, unless that was done; keeps a copy of it if it is the best."""
        checkpoint = tf.train.latest_checkpoint(self._model_dir)
        step = step_of(checkpoint)
        if step == 0 or any(metrics["step"] == step for metrics in self.history):
            return
        metrics = {
            name: float(value)
            for name, value in self._evaluate([StopHook(self._is_stopping)]).items()
        }
        if self._is_stopping():
            return
        # The Estimator's `loss` averages batches, whatever their size: val_loss is the one to trust.
        shown = {
            name: value
            for name, value in sorted(metrics.items())
            if name not in ("loss", "global_step")
        }
        self.history.append({"step": step, **shown})
        is_best = self.best()["step"] == step
        if is_best:
            keep_best(checkpoint, os.path.join(self._model_dir, "best"))
        content = {"best_step": self.best()["step"], "evaluations": self.history}
        write_file(os.path.join(self._model_dir, "eval.json"), json.dumps(content, indent=1) + "\n")
        logger.info(
            "step %d evaluated | %s%s",
            step,
            " ".join(f"{name} {value:.3f}" for name, value in shown.items()),
            " | best so far" if is_best else "",
        )


class EvaluationListener(tf.estimator.CheckpointSaverListener):
    """Evaluates after each checkpoint that it is told of; asks to stop after `patience` evaluations without progress.

    Where others have to stop with it, `is_alone` is False, and it only says so in `is_done`.
    """

    def __init__(self, evaluations, patience, is_stopping, is_alone=True):
        self._evaluations, self._patience, self._is_stopping = evaluations, patience, is_stopping
        self._is_alone, self.is_done = is_alone, False

    def after_save(self, session, global_step_value):
        if self._is_stopping():
            return False
        self._evaluations.evaluate_newest()
        self.is_done = self._evaluations.is_over(self._patience)
        if self.is_done:
            logger.info("stopping early: %d evaluations without a better val_loss", self._patience)
        return self.is_done and self._is_alone


def load_history(model_dir):
    """Returns the list of evaluations in a model folder's eval.json, [] where there is none.

    Raises:
      InputError: it is no eval.json of this project.
    """
    path = os.path.join(model_dir, "eval.json")
    try:
        return [
            {**entry, "step": int(entry["step"]), "val_loss": float(entry["val_loss"])}
            for entry in read_json(path)["evaluations"]
        ]
    except FileNotFoundError:
        return []
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{path}: expected what train.py writes ({type(error).__name__}: {error}); train again"
        ) from None


def step_of(checkpoint):
    """Returns the global step in a checkpoint's name, 0 for None."""
    return int(checkpoint.rpartition("-")[2]) if checkpoint else 0


def keep_best(checkpoint, best_dir):
    """Makes `checkpoint` the one in `best_dir`; a kill at any moment leaves either the old or the new one there."""
    filesystem.makedirs(best_dir)
    name = os.path.basename(checkpoint)
    # A strategy's checkpoints have a part for each of its devices.
    files = [
        file
        for file in filesystem.listdir(os.path.dirname(checkpoint))
        if file.startswith(f"{name}.")
    ]
    write_files(
        {
            os.path.join(best_dir, file): functools.partial(
                _copy, os.path.join(os.path.dirname(checkpoint), file)
            )
            for file in files
        }
    )
    # This file says which checkpoint counts and is replaced in one step. TensorFlow's own writer would make the name
    # relative to the working directory where best_dir is a relative path.
    write_file(os.path.join(best_dir, "checkpoint"), f'model_checkpoint_path: "{name}"\n')
    for file in filesystem.listdir(best_dir):
        if file != "checkpoint" and not file.startswith(f"{name}."):
            filesystem.remove(os.path.join(best_dir, file))


def _copy(path, target):
    with filesystem.open(path) as source:
        shutil.copyfileobj(source, target)


def remove_unfinished(model_dir):
    """Removes what is left of checkpoints, and of the list of them, that could not be finished: TensorFlow lets it lie,
    however large."""
    for pattern in ("model.ckpt-*_temp", "model.ckpt-*.tempstate*", "checkpoint.tmp*"):
        for path in glob.glob(os.path.join(glob.escape(model_dir), pattern)):
            shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.remove(path)
