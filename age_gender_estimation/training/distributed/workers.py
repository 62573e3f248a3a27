"""Training on several machines: one process, a worker, on each of them."""

import contextlib
import faulthandler
import hashlib
import logging
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator

import tensorflow as tf
from tensorflow.python.eager import context  # these two have no public name
from tensorflow.python.training import monitored_session

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.checkpoint_history import EvaluationListener
from age_gender_estimation.training.distributed.cluster import Cluster
from age_gender_estimation.training.distributed.distribution import (
    OneDevice,
    shared_session_config,
    tf_config,
)
from age_gender_estimation.training.distributed.hooks import BarrierHook, SyncStopHook
from age_gender_estimation.training.distributed.peers import PeerMonitor
from age_gender_estimation.training.hparams import HParams

logger = logging.getLogger(__name__)

WAIT_MINUTES = 10  # for the other workers: Kubernetes may have to fetch an image first
START_AGAIN = "start all of them again to continue from the last checkpoint"


class Workers(OneDevice):
    """Training as one worker of a cluster. The chief evaluates and writes the model folder.

    Args:
      cluster: this worker and the others.
      batch_size: examples per step of all workers together.

    Raises:
      InputError: this machine cannot join the cluster.
      SettingError: the replicas cannot share the batch evenly.
    """

    def __init__(self, cluster: Cluster, batch_size: int) -> None:
        self._cluster, self.is_chief = cluster, cluster.is_chief
        self._scratch = tempfile.TemporaryDirectory()
        self.strategy = self._join()
        self._monitor = PeerMonitor(cluster.others, self._exit_without)
        super().__init__(batch_size)

    def environment(self) -> contextlib.AbstractContextManager:
        return tf_config(self._cluster.tf_config)

    def session_config(self) -> tf.compat.v1.ConfigProto:
        return shared_session_config()

    def checkpoint_dir(self, model_dir: str) -> str:
        # All workers have to save, see `hooks`; only the chief's checkpoints count.
        return model_dir if self.is_chief else os.path.join(self._scratch.name, "model")

    def require_same_start(self, facts: str) -> None:
        """Raises InputError where workers differ: they would wait for each other without end."""
        # The chief keeps a table. A collective operation would take numbers that training uses.
        table = context.context()
        digest = hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()
        if self.is_chief:
            table.set_config_key_value("facts", digest)
        elif table.get_config_key_value("facts") != digest:
            raise InputError(
                "the workers differ: expected the same command, equal manifests and one shared "
                "--model-dir for all of them, found other settings, manifests or checkpoints"
            )

    def hooks(
        self, folder: ModelFolder, hparams: HParams, listener: EvaluationListener
    ) -> list[tf.estimator.SessionRunHook]:
        # To read batch-norm statistics for a checkpoint is a step of all workers: all save, at the
        # same steps, and none by the clock.
        return [
            SyncStopHook(self, listener),
            tf.estimator.CheckpointSaverHook(
                self.checkpoint_dir(folder.path),
                save_steps=hparams.eval_steps,
                save_graph_def=False,
                listeners=[listener] if self.is_chief else [],
            ),
            BarrierHook(self._monitor),
        ]

    def train(
        self, estimator: tf.estimator.Estimator, input_fn: Callable, hooks: list, max_steps: int
    ) -> None:
        try:
            with self.environment(), _no_new_sessions(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options")
                # In a cluster this only trains; Estimator.train refuses to.
                tf.estimator.train_and_evaluate(
                    estimator,
                    tf.estimator.TrainSpec(input_fn, max_steps, hooks),
                    tf.estimator.EvalSpec(input_fn),
                )
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            raise InputError(
                f"lost the connection to another worker ({short_message(error)}); {START_AGAIN}"
            ) from None
        finally:
            self._monitor.stop()
            # Workers write summaries of their own, because writing is a collective operation.
            name = f"tmp_{self._cluster.task_type}_{self._cluster.index}"
            shutil.rmtree(os.path.join(estimator.model_dir, name), ignore_errors=True)

    def _join(self) -> tf.distribute.Strategy:
        others = ", ".join(self._cluster.others)
        logger.info("waiting up to %g minutes for the other workers: %s", WAIT_MINUTES, others)
        # TensorFlow holds Python's lock while it waits: no thread and no handler of ours can run.
        handler = signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with open(os.devnull, "w") as nowhere:
            faulthandler.dump_traceback_later(60 * WAIT_MINUTES, exit=True, file=nowhere)
            try:
                with self.environment():
                    return tf.distribute.MultiWorkerMirroredStrategy()
            except (tf.errors.OpError, RuntimeError) as error:
                raise InputError(
                    f"TF_CONFIG: cannot join the cluster as {self._cluster.task_type} "
                    f"{self._cluster.index} ({short_message(error)}); is its address that of this "
                    "machine?"
                ) from None
            finally:
                faulthandler.cancel_dump_traceback_later()
                signal.signal(signal.SIGTERM, handler)

    def _exit_without(self, address: str) -> None:
        """Ends the process from the monitor's thread: training waits in TensorFlow without end."""
        self._scratch.cleanup()
        logger.error("error: lost the worker %s, see its own log; %s", address, START_AGAIN)
        os._exit(1)


@contextlib.contextmanager
def _no_new_sessions() -> Iterator[None]:
    """Within it, a session that loses another worker fails; TensorFlow would begin a new one."""
    handled = monitored_session._PREEMPTION_ERRORS
    monitored_session._PREEMPTION_ERRORS = ()
    try:
        yield
    finally:
        monitored_session._PREEMPTION_ERRORS = handled
