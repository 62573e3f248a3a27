"""What stops a training -> one line that says why and what to do."""

import contextlib
from collections.abc import Iterator, Sequence

import tensorflow as tf

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.manifest import Manifest, paths_of
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.error_text import find_full_disk, short_message
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.hparams import HParams


@contextlib.contextmanager
def explained_failures(
    hparams: HParams, folder: ModelFolder, manifests: Sequence[Manifest], is_chief: bool
) -> Iterator[None]:
    """Within it, TensorFlow's failures in training become InputErrors.

    Args:
      hparams: of the training.
      folder: its model folder.
      manifests: all that it reads.
      is_chief: whether this process writes the folder, and removes what a failure left there.
    """
    try:
        yield
    except tf.estimator.NanLossDuringTrainingError:
        raise InputError(
            f"the loss became NaN; lower --learning-rate (now {hparams.learning_rate}) and start "
            f"again: {folder.path} holds the last checkpoint, best/ the best one"
        ) from None
    except tf.errors.OpError as error:
        if is_chief:
            folder.remove_unfinished_checkpoints()
        reason = find_full_disk(error.message)
        if not reason and "IteratorGetNext" in error.message:  # an error of the input pipeline
            reason = find_corrupt_image(paths_of(manifests))
        raise InputError(
            f"training stopped: {reason or short_message(error)}; "
            f"{folder.path} holds the last checkpoint"
        ) from None
