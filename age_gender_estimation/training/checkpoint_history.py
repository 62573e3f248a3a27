"""The evaluations of a training's checkpoints: eval.json, the best checkpoint, early stopping."""

import logging
import math
import time
from collections.abc import Callable

import tensorflow as tf

from age_gender_estimation.storage.model_folder import ModelFolder, step_of
from age_gender_estimation.training.hooks import StopHook
from age_gender_estimation.training.hparams import HParams

logger = logging.getLogger(__name__)


class CheckpointHistory:
    """The evaluations of a model folder's checkpoints, kept in its eval.json.

    Args:
      folder: the model folder.
      evaluate: takes a list of hooks, returns {metric: value} of the newest checkpoint with
        `val_loss` among them.
      is_stopping: whether training was told to stop; an evaluation cut short does not count.

    Attributes:
      evaluations: dicts with `step`, `val_loss` and the metrics, oldest first.
    """

    def __init__(
        self, folder: ModelFolder, evaluate: Callable[[list], dict], is_stopping: Callable[[], bool]
    ) -> None:
        self._folder, self._evaluate, self._is_stopping = folder, evaluate, is_stopping
        self.evaluations = folder.read_evaluations()

    def best(self) -> dict | None:
        """Returns the first evaluation with the lowest val_loss, or None; NaN is the highest."""
        return min(
            self.evaluations,
            key=lambda metrics: (math.isnan(metrics["val_loss"]), metrics["val_loss"]),
            default=None,
        )

    def num_since_best(self) -> int:
        """Returns how many evaluations came after the best one."""
        best = self.best()
        return len(self.evaluations) - 1 - self.evaluations.index(best) if best else 0

    def is_over(self, patience: int) -> bool:
        """Returns whether the last `patience` evaluations had no lower val_loss; False for 0."""
        return 0 < patience <= self.num_since_best()

    def evaluate_newest(self) -> None:
        """Evaluates the newest checkpoint if it is new, and keeps a copy if it is the best."""
        checkpoint = self._folder.newest_checkpoint()
        step = step_of(checkpoint)
        if (
            checkpoint is None
            or step == 0
            or any(metrics["step"] == step for metrics in self.evaluations)
        ):
            return
        metrics = self._evaluate([StopHook(self._is_stopping)])
        if self._is_stopping():
            return
        # The Estimator's `loss` is a mean over batches, whatever their size; val_loss is right.
        shown = {
            name: float(value)
            for name, value in sorted(metrics.items())
            if name not in ("loss", "global_step")
        }
        self.evaluations.append({"step": step, **shown})
        best = self.best() or {}
        is_best = best["step"] == step
        if is_best:
            self._folder.keep_best(checkpoint)
        self._folder.write_evaluations(best["step"], self.evaluations)
        logger.info(
            "step %d evaluated | %s%s",
            step,
            " ".join(f"{name} {value:.3f}" for name, value in shown.items()),
            " | best so far" if is_best else "",
        )


class EvaluationListener(tf.estimator.CheckpointSaverListener):
    """Evaluates each checkpoint that is saved, and knows when to stop.

    Args:
      history: the evaluations.
      hparams: `early_stopping` and `max_minutes` end a training; the minutes count from now on.
      is_stopping: whether training was told to stop; nothing is evaluated then.
    """

    def __init__(
        self, history: CheckpointHistory, hparams: HParams, is_stopping: Callable[[], bool]
    ) -> None:
        self._history, self._patience, self.is_stopping = (
            history,
            hparams.early_stopping,
            is_stopping,
        )
        self._deadline = time.monotonic() + 60 * (hparams.max_minutes or math.inf)
        self._is_done = False

    def after_save(self, session, global_step_value) -> None:
        if self.is_stopping():
            return
        self._history.evaluate_newest()
        self._is_done = self._history.is_over(self._patience)
        if self._is_done:
            logger.info("stopping early: %d evaluations without a better val_loss", self._patience)

    def is_done(self) -> bool:
        """Returns whether the training should end early, or its time is over."""
        return self._is_done or time.monotonic() > self._deadline
