"""Where a training runs: classes with the same methods, so that training needs no branches."""

import contextlib
import os
from collections.abc import Callable, Iterator

import tensorflow as tf

from age_gender_estimation.errors import SettingError
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.checkpoint_history import EvaluationListener
from age_gender_estimation.training.hooks import StopHook, TimedSaverHook
from age_gender_estimation.training.hparams import HParams


class OneDevice:
    """Training in one process on one device.

    Args:
      batch_size: examples per step of all replicas together.

    Attributes:
      strategy: tf.distribute.Strategy; None for one device.
      num_replicas: how many devices share a batch.
      is_chief: whether this process evaluates and writes the model folder.
      is_terminated: whether another worker was told to stop, and this one stopped with it.

    Raises:
      SettingError: the replicas cannot share the batch evenly.
    """

    strategy: tf.distribute.Strategy | None = None
    is_chief = True
    is_terminated = False

    def __init__(self, batch_size: int = 1) -> None:
        self.num_replicas = self.strategy.num_replicas_in_sync if self.strategy else 1
        if batch_size % self.num_replicas:
            raise SettingError(
                f"--batch-size: expected a multiple of {self.num_replicas}, the number of devices "
                f"that share each batch, got {batch_size}"
            )

    def environment(self) -> contextlib.AbstractContextManager:
        """Within it, TF_CONFIG is set as training needs it."""
        return tf_config("")

    def session_config(self) -> tf.compat.v1.ConfigProto | None:
        """Returns the configuration of training's sessions; None for TensorFlow's default."""
        return None

    def checkpoint_dir(self, model_dir: str) -> str:
        """Returns the folder in which this process saves checkpoints."""
        return model_dir

    def require_same_start(self, facts: str) -> None:
        """Raises InputError where other workers begin with other `facts`."""

    def hooks(
        self, folder: ModelFolder, hparams: HParams, listener: EvaluationListener
    ) -> list[tf.estimator.SessionRunHook]:
        """Returns the hooks that save checkpoints in `folder` and stop the training."""
        return [
            TimedSaverHook(
                folder.path, save_secs=60 * hparams.checkpoint_minutes, save_graph_def=False
            ),
            tf.estimator.CheckpointSaverHook(
                folder.path,
                save_steps=hparams.eval_steps,
                save_graph_def=False,
                listeners=[listener],
            ),
            # After the saver, whose evaluation may end the training.
            StopHook(lambda: listener.is_stopping() or listener.is_done()),
        ]

    def train(
        self, estimator: tf.estimator.Estimator, input_fn: Callable, hooks: list, max_steps: int
    ) -> None:
        """Trains until `max_steps`, or until a hook stops it."""
        estimator.train(input_fn, hooks=hooks, max_steps=max_steps)


class Mirrored(OneDevice):
    """Training in one process on all GPUs of the machine; without GPUs, on all logical CPUs."""

    def __init__(self, batch_size: int) -> None:
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        self.strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        super().__init__(batch_size)

    def session_config(self) -> tf.compat.v1.ConfigProto:
        return shared_session_config()


def shared_session_config() -> tf.compat.v1.ConfigProto:
    """Returns the ConfigProto of sessions that a strategy places on several devices."""
    num_cpus = len(tf.config.list_logical_devices("CPU"))
    return tf.compat.v1.ConfigProto(allow_soft_placement=True, device_count={"CPU": num_cpus})


@contextlib.contextmanager
def tf_config(text: str) -> Iterator[None]:
    """Within it, the environment variable TF_CONFIG is `text`; afterwards it is not set.

    Evaluations and exports must not see one, for they would take part in the cluster.
    """
    os.environ.pop("TF_CONFIG", None)
    if text:
        os.environ["TF_CONFIG"] = text
    try:
        yield
    finally:
        os.environ.pop("TF_CONFIG", None)
