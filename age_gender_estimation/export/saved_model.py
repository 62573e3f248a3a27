"""Model folder -> MODEL_DIR/serving/<timestamp>/, the layout that TensorFlow Serving reads."""

import dataclasses
import glob
import json
import os
import shutil
import tempfile

import tensorflow as tf

from age_gender_estimation.data.images import decode, resize
from age_gender_estimation.errors import InputError
from age_gender_estimation.export.calibration import load_calibration
from age_gender_estimation.export.warm_up import WARM_UP_FILE, write_warm_up
from age_gender_estimation.storage.error_text import find_full_disk, short_message
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.tasks.age_groups import group_name
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.evaluations import load_history, step_of
from age_gender_estimation.training.hparams import load_hparams
from age_gender_estimation.training.training_data import load_sources


def export_model(model_dir):
    """Exports the best checkpoint of a model folder (the newest where none was evaluated).

    Returns:
      The path of the new SavedModel, a str. Signatures and outputs: README, "The exported model".

    Raises:
      InputError: the folder holds no trained model, or one that cannot be read, or it cannot be written to.
    """
    hparams, checkpoint = load_hparams(model_dir), best_checkpoint(model_dir)
    serving = os.path.join(model_dir, "serving")
    _remove_unfinished(serving)  # of one that was killed
    try:
        with tempfile.TemporaryDirectory() as folder:
            description, warm_up = (
                os.path.join(folder, "model.json"),
                os.path.join(folder, WARM_UP_FILE),
            )
            write_file(description, json.dumps(describe(hparams, model_dir, checkpoint), indent=2))
            write_warm_up(warm_up, hparams.img_size)
            path = make_estimator(
                hparams, model_dir, calibration=load_calibration(checkpoint)
            ).export_saved_model(
                serving,
                lambda: serving_input_receiver(hparams.img_size),
                assets_extra={"model.json": description, WARM_UP_FILE: warm_up},
                checkpoint_path=checkpoint,
            )
    except tf.errors.OpError as error:
        _remove_unfinished(serving)
        reason = f"{type(error).__name__}: {short_message(error)}"
        raise InputError(
            find_full_disk(error.message)
            or f"expected to read {checkpoint} and to write {serving} ({reason})"
        ) from None
    return path.decode()


def _remove_unfinished(serving):
    # TensorFlow gives a folder its number when it is whole.
    for unfinished in glob.glob(os.path.join(glob.escape(serving), "temp-*")):
        shutil.rmtree(unfinished, ignore_errors=True)


def best_checkpoint(model_dir):
    """Returns the prefix of the checkpoint to export.

    Raises:
      InputError: there is none.
    """
    # Without an evaluation there is no best one; with one, the newest would be the wrong answer.
    folder = os.path.join(model_dir, "best") if load_history(model_dir) else model_dir
    checkpoint = tf.train.latest_checkpoint(folder)
    if checkpoint is None:
        raise InputError(f"{folder}: expected a checkpoint, found none; train first")
    return checkpoint


def serving_input_receiver(img_size):
    """Returns the receiver of both signatures: `image_bytes` (string [batch]) and `image` (uint8 [batch, h, w, 3]).

    Both run through the image ops of training. Each input defaults to an empty batch, so that one graph serves both.
    """
    image_bytes = tf.compat.v1.placeholder_with_default(
        tf.constant([], tf.string), [None], "image_bytes"
    )
    image = tf.compat.v1.placeholder_with_default(
        tf.zeros([0, img_size, img_size, 3], tf.uint8), [None, None, None, 3], "image"
    )
    decoded = tf.map_fn(
        lambda data: resize(decode(data), img_size),
        image_bytes,
        fn_output_signature=tf.TensorSpec([img_size, img_size, 3], tf.uint8),
    )
    images = tf.concat([decoded, resize(image, img_size)], axis=0)
    return tf.estimator.export.ServingInputReceiver(
        {"image": images}, {"image_bytes": image_bytes}, {"image": {"image": image}}
    )


def describe(hparams, model_dir, checkpoint):
    """Returns the contents of assets.extra/model.json: what somebody who has only the SavedModel needs to know."""
    step = step_of(checkpoint)
    metrics = next(
        (entry for entry in load_history(model_dir) if entry["step"] == step), {"step": step}
    )
    sources = load_sources(model_dir)
    age_groups = hparams.age_groups() if "age" in hparams.tasks else None
    age_classes = (
        list(map(group_name, age_groups)) if age_groups else f"years 0 to {hparams.max_age}"
    )
    return {
        "tasks": {
            name: {"classes": list(LABELS[name].class_names) or age_classes}
            for name in hparams.tasks
        },
        "max_age": hparams.max_age,
        "age_encoding": hparams.age_encoding,
        "age_groups": age_groups,
        "img_size": hparams.img_size,
        "backbone": hparams.backbone,
        "geometry": sources["geometry"],
        "crop_size": sources["crop_size"],
        "data": sources["train"],
        "validation": metrics,
        "calibration": dataclasses.asdict(load_calibration(checkpoint)),
        # Of what it started from the file's name: where that lay is nobody's business.
        "hparams": {
            **dataclasses.asdict(hparams),
            **{name: _name_of(getattr(hparams, name)) for name in ("weights", "warm_start")},
        },
    }


def _name_of(path):
    """Returns the name of a file, or of the model folder that an export lies in."""
    path = os.path.normpath(path)
    folder = os.path.dirname(path)
    return os.path.basename(
        os.path.dirname(folder) if os.path.basename(folder) == "serving" else path
    )
