"""Session hooks of training: the progress line, and stopping early on request."""

import logging
import time

import tensorflow as tf

logger = logging.getLogger(__name__)


class ProgressHook(tf.estimator.SessionRunHook):
    """Logs step of steps, examples/s, time left and losses every `every` steps.

    Only time inside session.run counts for the speed, so evaluations and checkpoints do not blur it.
    """

    def __init__(self, loss_names, num_steps, batch_size, every):
        self._loss_names = loss_names
        self._num_steps, self._batch_size, self._every = num_steps, batch_size, every

    def begin(self):
        graph = tf.compat.v1.get_default_graph()
        self._fetches = {
            name: graph.get_tensor_by_name(f"{name}_loss:0") for name in self._loss_names
        }
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
            losses = {name: run_values.results[name] for name in self._loss_names}
            rate = self._steps / self._seconds
            logger.info(
                "step %d of %d | %.0f examples/s | %s left | loss %s",
                step,
                self._num_steps,
                rate * self._batch_size,
                show_duration((self._num_steps - step) / rate),
                " ".join(f"{name} {value:.3f}" for name, value in losses.items()),
            )
            self._steps, self._seconds = 0, 0.0


class StopHook(tf.estimator.SessionRunHook):
    """Asks the session to stop once `should_stop()` is true; its checkpoint is then saved on the way out."""

    def __init__(self, should_stop):
        self._should_stop = should_stop

    def after_run(self, run_context, run_values):
        if self._should_stop():
            run_context.request_stop()


class TimedSaverHook(tf.estimator.CheckpointSaverHook):
    """Saves by the clock only: at the beginning and in the end the saver that counts steps does it."""

    def after_create_session(self, session, coord):
        self._timer.update_last_triggered_step(session.run(self._global_step_tensor))

    def end(self, session):
        pass


class SyncStopHook(tf.estimator.SessionRunHook):
    """Stops all workers after the same step once one of them wants to: who stops alone leaves the others waiting.

    Args:
      distribution: Distribution; its `is_terminated` is set where that was the reason.
      is_terminated: () -> bool, whether this worker was told to stop.
      should_stop: () -> bool, whether it wants to for another reason.
    """

    def __init__(self, distribution, is_terminated, should_stop):
        self._distribution, self._wishes = distribution, (is_terminated, should_stop)

    def begin(self):
        self._own = tf.compat.v1.placeholder(tf.float32, [len(self._wishes)])
        self._all = tf.distribute.get_strategy().reduce(
            tf.distribute.ReduceOp.SUM, self._own, axis=None
        )

    def before_run(self, run_context):
        return tf.estimator.SessionRunArgs(
            self._all, {self._own: [float(wish()) for wish in self._wishes]}
        )

    def after_run(self, run_context, run_values):
        terminated, stop = run_values.results
        self._distribution.is_terminated |= bool(terminated)
        if terminated or stop:
            run_context.request_stop()


class BarrierHook(tf.estimator.SessionRunHook):
    """The last hook to end: nobody leaves before all have saved and the chief has evaluated. Then nobody is missed.

    Args:
      watch: PeerMonitor.
    """

    def __init__(self, watch):
        self._watch = watch

    def begin(self):
        self._barrier = tf.distribute.get_strategy().reduce(
            tf.distribute.ReduceOp.SUM, tf.constant(1.0), axis=None
        )

    def end(self, session):
        session.run(self._barrier)
        self._watch.stop()


def show_duration(seconds):
    """Returns seconds as people say them: `48 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
