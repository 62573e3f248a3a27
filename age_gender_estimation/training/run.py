"""A training as a process: its device, the other machines, and SIGTERM."""

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import tensorflow as tf

from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.training.distributed.cluster import MIRRORED, Cluster
from age_gender_estimation.training.distributed.distribution import Mirrored, OneDevice
from age_gender_estimation.training.distributed.workers import Workers
from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.train import train_and_evaluate

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """How a training ended.

    Attributes:
      best: the best evaluation, see `train_and_evaluate`; None in workers that are not the chief.
      is_terminated: whether this process, or another worker, was told to stop.
    """

    best: dict | None
    is_terminated: bool


def run_training(
    hparams: HParams,
    train_manifests: Sequence[Manifest],
    val_manifests: Sequence[Manifest],
    model_dir: str,
    device: str = "auto",
    distribute: str = "none",
    cluster: Cluster | None = None,
) -> Outcome:
    """Trains as `train_and_evaluate` does; SIGTERM saves a checkpoint and ends the training.

    Args:
      hparams, train_manifests, val_manifests, model_dir: see `train_and_evaluate`.
      device: see `require_device`.
      distribute: of cluster.DISTRIBUTE.
      cluster: the Cluster of multi_worker, else None.

    Raises:
      InputError: see `train_and_evaluate`; a device or a cluster that cannot be used.
      SettingError: see `train_and_evaluate`; averages that several workers cannot start.
    """
    require_device(device)
    if cluster and hparams.ema and (hparams.weights, hparams.warm_start) != ("none", "none"):
        # The first step never comes: the averages' initial values wait for another worker.
        raise SettingError(
            "--ema: expected no --weights and no --warm-start beside it with --distribute "
            "multi_worker; leave one out, or train in one process"
        )
    distribution = make_distribution(distribute, cluster, hparams.batch_size)
    with noted_sigterm() as is_terminated:
        best = train_and_evaluate(
            hparams, train_manifests, val_manifests, model_dir, is_terminated, distribution
        )
    return Outcome(best, is_terminated() or distribution.is_terminated)


def make_distribution(distribute: str, cluster: Cluster | None, batch_size: int) -> OneDevice:
    """Returns where to train, from the arguments of `run_training`."""
    if cluster:
        return Workers(cluster, batch_size)
    return Mirrored(batch_size) if distribute == MIRRORED else OneDevice(batch_size)


def require_device(device: str) -> None:
    """Applies --device: "cpu" hides GPUs, "gpu" requires one, "auto" uses what there is.

    Raises:
      InputError: a GPU is required and TensorFlow finds none.
    """
    if device == "cpu":
        # CUDA reads this. tf.config.set_visible_devices does not reach an Estimator's sessions.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    gpus = tf.config.list_physical_devices("GPU")
    if device == "gpu" and not gpus:
        raise InputError(
            "--device gpu: expected a GPU, TensorFlow finds none; use the GPU image with "
            "`docker run --gpus all`, or --device cpu"
        )
    logger.info("training on %s", f"{len(gpus)} GPU" if gpus else "the CPU: no GPU is used")


@contextlib.contextmanager
def noted_sigterm() -> Iterator[Callable[[], bool]]:
    """Within it, SIGTERM is only noted; gives a function that returns whether it came."""
    noted: list[int] = []
    handler = signal.signal(signal.SIGTERM, lambda number, _: noted.append(number))
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGTERM, handler)
