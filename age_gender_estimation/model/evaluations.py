"""Evaluating checkpoints while training: eval.json, the best checkpoint, and when to stop early."""
import json
import logging
import math
import os

import tensorflow as tf

from age_gender_estimation import storage
from age_gender_estimation.data.files import write_file
from age_gender_estimation.model.hooks import StopHook

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
        return min(self.history, key=lambda metrics: (math.isnan(metrics["val_loss"]), metrics["val_loss"]), default=None)

    def num_since_best(self):
        """Returns how many evaluations came after the best one."""
        return len(self.history) - 1 - self.history.index(self.best()) if self.history else 0

    def evaluate_newest(self):
        """Evaluates the newest checkpoint, unless that was done; keeps a copy of it if it is the best."""
        checkpoint = tf.train.latest_checkpoint(self._model_dir)
        step = step_of(checkpoint)
        if step == 0 or any(metrics["step"] == step for metrics in self.history):
            return
        metrics = {name: float(value) for name, value in self._evaluate([StopHook(self._is_stopping)]).items()}
        if self._is_stopping():
            return
        # The Estimator's `loss` averages batches, whatever their size: val_loss is the one to trust.
        shown = {name: value for name, value in sorted(metrics.items()) if name not in ("loss", "global_step")}
        self.history.append({"step": step, **shown})
        is_best = self.best()["step"] == step
        if is_best:
            keep_best(checkpoint, os.path.join(self._model_dir, "best"))
        content = {"best_step": self.best()["step"], "evaluations": self.history}
        write_file(os.path.join(self._model_dir, "eval.json"), json.dumps(content, indent=1) + "\n")
        logger.info("step %d evaluated | %s%s", step, " ".join(f"{name} {value:.3f}" for name, value in shown.items()),
                    " | best so far" if is_best else "")


class EvaluationListener(tf.estimator.CheckpointSaverListener):
    """Evaluates after each checkpoint that it is told of; asks to stop after `patience` evaluations without progress."""

    def __init__(self, evaluations, patience, is_stopping):
        self._evaluations, self._patience, self._is_stopping = evaluations, patience, is_stopping

    def after_save(self, session, global_step_value):
        if self._is_stopping():
            return False
        self._evaluations.evaluate_newest()
        if self._patience and self._evaluations.num_since_best() >= self._patience:
            logger.info("stopping early: %d evaluations without a better val_loss", self._patience)
            return True
        return False


def load_history(model_dir):
    """Returns the list of evaluations in a model folder's eval.json, [] where there is none."""
    try:
        with storage.open(os.path.join(model_dir, "eval.json"), encoding="utf-8") as file:
            return json.load(file)["evaluations"]
    except FileNotFoundError:
        return []


def step_of(checkpoint):
    """Returns the global step in a checkpoint's name, 0 for None."""
    return int(checkpoint.rpartition("-")[2]) if checkpoint else 0


def keep_best(checkpoint, best_dir):
    """Makes `checkpoint` the one in `best_dir`; a kill at any moment leaves either the old or the new one there."""
    storage.makedirs(best_dir)
    name = os.path.basename(checkpoint)
    for suffix in (".data-00000-of-00001", ".index"):
        storage.copy(checkpoint + suffix, os.path.join(best_dir, name + suffix))
    # This file says which checkpoint counts and is replaced in one step. TensorFlow's own writer would make the name
    # relative to the working directory where best_dir is a relative path.
    write_file(os.path.join(best_dir, "checkpoint"), f'model_checkpoint_path: "{name}"\n')
    for file in storage.listdir(best_dir):
        if file != "checkpoint" and not file.startswith(f"{name}."):
            storage.remove(os.path.join(best_dir, file))
