"""Session hooks of training: the progress line, stopping on request, and saving by the clock."""

import logging
import time
from collections.abc import Callable, Sequence

import tensorflow as tf

logger = logging.getLogger(__name__)


class ProgressHook(tf.estimator.SessionRunHook):
    """Logs step, examples per second, time left and losses every `every` steps.

    Only time inside session.run counts, so that evaluations and checkpoints do not lower the speed.

    Args:
      tasks: the tasks whose losses are shown.
      num_steps: steps in total.
      batch_size: examples per step.
      every: steps between two lines.
    """

    def __init__(self, tasks: Sequence[str], num_steps: int, batch_size: int, every: int) -> None:
        self._tasks = tasks
        self._num_steps, self._batch_size, self._every = num_steps, batch_size, every

    def begin(self):
        graph = tf.compat.v1.get_default_graph()
        self._fetches = {task: graph.get_tensor_by_name(f"{task}_loss:0") for task in self._tasks}
        self._fetches["step"] = tf.compat.v1.train.get_global_step()
        self._steps, self._seconds = 0, 0.0

    def before_run(self, run_context):
        self._started = time.monotonic()
        return tf.estimator.SessionRunArgs(self._fetches)

    def after_run(self, run_context, run_values):
        self._steps += 1
        self._seconds += time.monotonic() - self._started
        # What is fetched beside the train op is the step before it.
        step = int(run_values.results["step"]) + 1
        if step % self._every == 0 or step == self._num_steps:
            losses = (f"{task} {run_values.results[task]:.3f}" for task in self._tasks)
            rate = self._steps / self._seconds
            logger.info(
                "step %d of %d | %.0f examples/s | %s left | loss %s",
                step,
                self._num_steps,
                rate * self._batch_size,
                show_duration((self._num_steps - step) / rate),
                " ".join(losses),
            )
            self._steps, self._seconds = 0, 0.0


class StopHook(tf.estimator.SessionRunHook):
    """Asks the session to stop once `should_stop()` is true; it saves a checkpoint when it ends."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self._should_stop = should_stop

    def after_run(self, run_context, run_values):
        if self._should_stop():
            run_context.request_stop()


class TimedSaverHook(tf.estimator.CheckpointSaverHook):
    """Saves by the clock only: the saver that counts steps saves the first and last checkpoint."""

    def after_create_session(self, session, coord):
        self._timer.update_last_triggered_step(session.run(self._global_step_tensor))

    def end(self, session):
        pass


def show_duration(seconds: float) -> str:
    """Returns seconds as text: `48 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
