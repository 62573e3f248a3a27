"""Training on several GPUs of a machine (mirrored), or on several machines (multi_worker)."""

import contextlib
import faulthandler
import hashlib
import logging
import os
import shutil
import tempfile
import warnings

import tensorflow as tf
from tensorflow.python.eager import context  # for these two: what is needed has no public name
from tensorflow.python.training import monitored_session

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.training.distributed.cluster import MIRRORED
from age_gender_estimation.training.distributed.peers import PeerMonitor
from age_gender_estimation.training.hooks import BarrierHook

logger = logging.getLogger(__name__)

WAIT_MINUTES = 10  # for the others to come: Kubernetes may have to fetch the image on a machine
START_AGAIN = "start all of them again, and they go on from the last checkpoint"


class Distribution:
    """Where a training runs.

    Args:
      distribute: of cluster.DISTRIBUTE.
      cluster: Cluster of multi_worker, else None.
      batch_size: examples per step of all replicas together.
      leave: str -> never returns; called from a thread with the reason when another worker is gone, while TensorFlow waits
        for it and cannot be interrupted. Needed with a cluster.

    Attributes:
      strategy: tf.distribute.Strategy, None for one device.
      is_chief: whether this process writes the model folder.
      is_terminated: whether another worker was told to stop, and this one stopped with it.

    Raises:
      InputError: this machine's address in TF_CONFIG cannot be used.
      SettingError: the batch cannot be dealt out evenly.
    """

    def __init__(self, distribute="none", cluster=None, batch_size=1, leave=None):
        self.cluster, self.is_terminated, self._leave = cluster, False, leave
        self.is_chief = cluster is None or cluster.is_chief
        self.strategy, self._scratch = (
            None,
            None if self.is_chief else tempfile.TemporaryDirectory(),
        )
        if cluster:
            self.strategy = self._join_cluster()
            self._watch = PeerMonitor(cluster.others, self._leave_without)
        elif distribute == MIRRORED:
            devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
            self.strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
        self.num_replicas = self.strategy.num_replicas_in_sync if self.strategy else 1
        if batch_size % self.num_replicas:
            raise SettingError(
                f"--batch-size: expected that of all {self.num_replicas} replicas together, a multiple of "
                f"their number, got {batch_size}"
            )

    def _leave_without(self, address):
        if self._scratch:  # nothing else removes it: the process ends at once
            self._scratch.cleanup()
        self._leave(f"the worker {address} is gone, its own log says why; {START_AGAIN}")

    def _join_cluster(self):
        logger.info(
            "waiting for the other workers, %g minutes at most: %s",
            WAIT_MINUTES,
            ", ".join(self.cluster.others),
        )
        # TensorFlow holds Python's lock while it waits: neither a thread nor a signal's handler of ours could run.
        with open(os.devnull, "w") as nowhere:
            faulthandler.dump_traceback_later(60 * WAIT_MINUTES, exit=True, file=nowhere)
            try:
                with self.environment():
                    return tf.distribute.MultiWorkerMirroredStrategy()
            except (tf.errors.OpError, RuntimeError) as error:
                raise InputError(
                    f"TF_CONFIG: cannot join the cluster as {self.cluster.task_type} {self.cluster.index} "
                    f"({short_message(error)}); does this address fit this machine?"
                ) from None
            finally:
                faulthandler.cancel_dump_traceback_later()

    @contextlib.contextmanager
    def environment(self):
        """Within it, TF_CONFIG is that of the cluster. Evaluations and exports must not see one: they are no part of it."""
        os.environ.pop("TF_CONFIG", None)
        if self.cluster:
            os.environ["TF_CONFIG"] = self.cluster.tf_config
        try:
            yield
        finally:
            os.environ.pop("TF_CONFIG", None)

    def session_config(self):
        """Returns the ConfigProto of training's sessions; TensorFlow's default where nothing is distributed."""
        if not self.strategy:
            return None
        num_cpus = len(tf.config.list_logical_devices("CPU"))
        return tf.compat.v1.ConfigProto(allow_soft_placement=True, device_count={"CPU": num_cpus})

    def checkpoint_dir(self, model_dir):
        """Returns where this process saves: the chief in the model folder, others where nobody looks."""
        return model_dir if self.is_chief else os.path.join(self._scratch.name, "model")

    def train(self, estimator, input_fn, hooks, max_steps):
        """Trains, see Estimator.train; in a cluster together with the others."""
        if not self.cluster:
            estimator.train(input_fn, hooks=hooks, max_steps=max_steps)
            return
        try:
            with self.environment(), _no_new_sessions(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "To make it possible to preserve tf.data options")
                # In a cluster this trains and evaluates nothing; Estimator.train refuses one.
                tf.estimator.train_and_evaluate(
                    estimator,
                    tf.estimator.TrainSpec(input_fn, max_steps, [*hooks, BarrierHook(self._watch)]),
                    tf.estimator.EvalSpec(input_fn),
                )
        except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
            raise InputError(
                f"the connection to another worker broke ({short_message(error)}); {START_AGAIN}"
            ) from None
        finally:
            self._watch.stop()
            # Summaries of this worker, which TensorFlow writes because they take part in collective operations.
            shutil.rmtree(
                os.path.join(
                    estimator.model_dir, f"tmp_{self.cluster.task_type}_{self.cluster.index}"
                ),
                ignore_errors=True,
            )

    def require_agreement(self, facts):
        """Checks that all workers begin with the same, where a difference would make them wait for each other for ever.

        Args:
          facts: str, equal in all of them.

        Raises:
          InputError: they differ.
        """
        if not self.cluster:
            return
        # A collective operation before training's would take numbers that those use too: this is a table in the chief.
        table, digest = (
            context.context(),
            hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest(),
        )
        if self.is_chief:
            table.set_config_key_value("facts", digest)
        elif table.get_config_key_value("facts") != digest:
            raise InputError(
                "the workers differ: expected one command, equal lists of faces and one --model-dir that all "
                "of them share; found different settings, lists or newest checkpoints"
            )


@contextlib.contextmanager
def _no_new_sessions():
    """Within it, a session that lost another worker fails; TensorFlow would begin a new one, in which it is alone."""
    handled = monitored_session._PREEMPTION_ERRORS
    monitored_session._PREEMPTION_ERRORS = ()
    try:
        yield
    finally:
        monitored_session._PREEMPTION_ERRORS = handled
