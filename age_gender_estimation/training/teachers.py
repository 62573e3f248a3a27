"""Exports as teachers: what they answer for the training crops, for a new model to learn from.

Knowledge distillation: Hinton, Vinyals and Dean, 2015, arXiv:1503.02531. The answers are those for
the crops as they are, computed once and kept in the model folder.
"""

import dataclasses
import hashlib
import io
import logging
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from age_gender_estimation.data.corrupt_images import find_corrupt_image
from age_gender_estimation.data.manifest import Manifest, paths_of
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.head import Head

logger = logging.getLogger(__name__)

BATCH_SIZE = 64


def add_answers(
    manifests: Sequence[Manifest],
    teachers: Sequence[str],
    heads: Mapping[str, Head],
    folder: ModelFolder,
) -> list[Manifest]:
    """Returns the manifests with the mean of the teachers' answers for each row.

    Args:
      manifests: the training manifests.
      teachers: exports, or model folders that have one; none changes nothing.
      heads: {task: Head} of the model that is trained. A task whose classes no teacher has is
        learned from labels alone.
      folder: the model folder, which keeps the answers for the next start.

    Raises:
      InputError: a teacher that is no export, or an image that cannot be decoded.
      SettingError: no teacher answers any of the tasks.
    """
    if not teachers:
        return list(manifests)
    exports = [ModelFolder(teacher).newest_export() for teacher in teachers]
    key = _key(exports, manifests, heads)
    answers = _read(folder, key)
    if answers is None:
        each = [_answers(export, paths_of(manifests), heads) for export in exports]
        answers = {
            name: np.mean([found[name] for found in each if name in found], axis=0)
            for name in heads
            if any(name in found for found in each)
        }
        if not answers:
            raise SettingError(
                f"--teacher: expected an export with classes of {', '.join(heads)} as in this "
                f"model, found none in {', '.join(exports)}"
            )
        _write(folder, key, answers)
    logger.info("teachers answer for %s", ", ".join(answers))
    ends = np.cumsum([manifest.num_rows for manifest in manifests])
    columns = {name: np.split(values, ends[:-1]) for name, values in answers.items()}
    return [
        dataclasses.replace(manifest, answers={name: columns[name][index] for name in columns})
        for index, manifest in enumerate(manifests)
    ]


def _answers(export, paths, heads):
    """Returns {task: float16 [n, classes]} of one export."""
    try:
        predict = tf.saved_model.load(export).signatures["serving_default"]
    except (OSError, KeyError, tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"--teacher {export}: expected a SavedModel of this project ({short_message(error)})"
        ) from None
    found: dict[str, list] = {}
    for start in tqdm(range(0, len(paths), BATCH_SIZE), unit="batches", desc="Teacher"):
        batch = paths[start : start + BATCH_SIZE]
        try:
            answer = predict(image_bytes=tf.constant(filesystem.read_all(batch)))
        except (OSError, tf.errors.OpError) as error:
            raise InputError(find_corrupt_image(batch) or short_message(error)) from None
        for name, head in heads.items():
            values = answer.get(head.probabilities)
            if values is not None and values.shape[1] == head.num_logits:
                found.setdefault(name, []).append(values.numpy().astype(np.float16))
    return {name: np.concatenate(batches) for name, batches in found.items()}


def _key(exports, manifests, heads):
    """Returns a digest of all that the answers depend on."""
    # Which holds a checksum of every variable.
    indices = [os.path.join(export, "variables", "variables.index") for export in exports]
    try:
        weights = filesystem.read_all(indices)
    except OSError as error:
        raise InputError(
            f"--teacher: expected exports with their weights, found no {error.filename}"
        ) from None
    sizes = {name: head.num_logits for name, head in heads.items()}
    facts = repr((weights, [manifest.identity for manifest in manifests], sizes))
    return hashlib.sha256(facts.encode()).hexdigest()


def _read(folder, key):
    """Returns the kept answers, None where there are none or they answer something else."""
    try:
        with np.load(io.BytesIO(filesystem.read_bytes(folder.teacher_answers))) as found:
            arrays = dict(found)
    except (OSError, ValueError):  # none, or damaged
        return None
    return arrays if str(arrays.pop("key", "")) == key else None


def _write(folder, key, answers):
    filesystem.makedirs(folder.path)
    content = io.BytesIO()
    np.savez(content, key=np.array(key), **answers)
    write_file(folder.teacher_answers, content.getvalue())
