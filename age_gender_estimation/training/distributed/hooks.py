"""Session hooks with which the workers of a cluster stop and end together."""

from typing import Protocol

import tensorflow as tf

from age_gender_estimation.training.checkpoint_history import EvaluationListener
from age_gender_estimation.training.distributed.peers import PeerMonitor


class Stoppable(Protocol):
    """What the hook tells that a worker was told to stop."""

    is_terminated: bool


class SyncStopHook(tf.estimator.SessionRunHook):
    """Stops all workers after the same step once one of them wants to stop.

    A worker that stops alone leaves the others waiting.

    Args:
      workers: its `is_terminated` becomes true where a worker was told to stop.
      listener: why this worker wants to stop.
    """

    def __init__(self, workers: Stoppable, listener: EvaluationListener) -> None:
        self._workers, self._wishes = workers, (listener.is_stopping, listener.is_done)

    def begin(self) -> None:
        self._own = tf.compat.v1.placeholder(tf.float32, [len(self._wishes)])
        self._all = tf.distribute.get_strategy().reduce(
            tf.distribute.ReduceOp.SUM, self._own, axis=None
        )

    def before_run(self, run_context):
        wishes = [float(wish()) for wish in self._wishes]
        return tf.estimator.SessionRunArgs(self._all, {self._own: wishes})

    def after_run(self, run_context, run_values) -> None:
        is_terminated, is_done = run_values.results
        self._workers.is_terminated |= bool(is_terminated)
        if is_terminated or is_done:
            run_context.request_stop()


class BarrierHook(tf.estimator.SessionRunHook):
    """The last hook to end: workers leave only when all have saved and the chief has evaluated.

    Args:
      monitor: stopped then, for workers may leave from then on.
    """

    def __init__(self, monitor: PeerMonitor) -> None:
        self._monitor = monitor

    def begin(self) -> None:
        self._barrier = tf.distribute.get_strategy().reduce(
            tf.distribute.ReduceOp.SUM, tf.constant(1.0), axis=None
        )

    def end(self, session) -> None:
        session.run(self._barrier)
        self._monitor.stop()
