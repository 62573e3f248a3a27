"""The weights that a training starts from: its checkpoint, published ones, or another model's."""

import logging
import os

import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.networks.network import write_start
from age_gender_estimation.storage.model_folder import ModelFolder, step_of
from age_gender_estimation.training.continuation import check_resume
from age_gender_estimation.training.distributed.distribution import OneDevice
from age_gender_estimation.training.hparams import HParams, load_hparams

logger = logging.getLogger(__name__)


def prepare_start(hparams: HParams, folder: ModelFolder, distribution: OneDevice) -> str | None:
    """Returns the prefix of the checkpoint whose weights a new training takes.

    Args:
      hparams: `weights` or `warm_start` name them.
      folder: the model folder; a training that it holds is resumed.
      distribution: where the training runs.

    Returns:
      None where a training is resumed, or starts from random weights.

    Raises:
      InputError: settings that do not fit the folder, or weights that cannot be read.
    """
    if folder.has_hparams():
        check_resume(load_hparams(folder.path), hparams, folder.path)
    newest = folder.newest_checkpoint()
    if newest:
        logger.info("resuming from step %d in %s", step_of(newest), folder.path)
        return None
    if hparams.warm_start != "none":
        return _checkpoint_of(hparams.warm_start)
    if hparams.weights == "none":
        return None
    start = os.path.join(distribution.checkpoint_dir(folder.path), "start", "backbone.ckpt")
    write_start(hparams, start)
    return start


def _checkpoint_of(export: str) -> str:
    """Returns the prefix of the checkpoint inside a SavedModel."""
    checkpoint = os.path.join(export, "variables", "variables")
    try:
        tf.train.load_checkpoint(checkpoint)
    except (tf.errors.OpError, ValueError):
        raise InputError(
            f"--warm-start: expected an export with its weights, found none to read in {export}"
        ) from None
    return checkpoint
