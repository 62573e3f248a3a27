"""Model folder -> MODEL_DIR/serving/<timestamp>/, the layout that TensorFlow Serving reads."""

import dataclasses
import json
import os
import tempfile
from typing import Any

import tensorflow as tf

from age_gender_estimation.data.images import decode, resize
from age_gender_estimation.errors import InputError
from age_gender_estimation.export.calibration import load_calibration
from age_gender_estimation.export.warm_up import WARM_UP_FILE, write_warm_up
from age_gender_estimation.storage.error_text import find_full_disk, short_message
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.storage.model_folder import ModelFolder, step_of
from age_gender_estimation.tasks.age_groups import group_name
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.hparams import HParams, load_hparams


def export_model(model_dir: str, serving: str | None = None) -> str:
    """Exports the best checkpoint of a model folder; the newest one where none was evaluated.

    Args:
      model_dir: the model folder.
      serving: the folder of the export's folder; that of the model folder if None.

    Returns:
      The path of the new SavedModel. Signatures and outputs: docs/serving.md.

    Raises:
      InputError: the folder holds no trained model, or cannot be read or written.
    """
    folder, hparams = ModelFolder(model_dir), load_hparams(model_dir)
    checkpoint = folder.best_checkpoint()
    estimator = make_estimator(hparams, model_dir, calibration=load_calibration(checkpoint))
    description = json.dumps(describe(hparams, folder, checkpoint), indent=2)
    folder.remove_unfinished_exports()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            assets = {name: os.path.join(scratch, name) for name in ("model.json", WARM_UP_FILE)}
            write_file(assets["model.json"], description)
            write_warm_up(assets[WARM_UP_FILE], hparams.img_size)
            path = estimator.export_saved_model(
                serving or folder.serving,
                lambda: serving_input_receiver(hparams.img_size),
                assets_extra=assets,
                checkpoint_path=checkpoint,
            )
    except tf.errors.OpError as error:
        folder.remove_unfinished_exports()
        reason = f"{type(error).__name__}: {short_message(error)}"
        raise InputError(
            find_full_disk(error.message)
            or f"expected to read {checkpoint} and to write {serving or folder.serving} ({reason})"
        ) from None
    return path.decode()


def serving_input_receiver(img_size: int) -> tf.estimator.export.ServingInputReceiver:
    """Returns the inputs of both signatures, string [batch] and uint8 [batch, height, width, 3].

    Both run through the image ops of training. Each input defaults to an empty batch, so that one
    graph serves both.

    Args:
      img_size: side of the network's input in pixels.
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


def describe(hparams: HParams, folder: ModelFolder, checkpoint: str) -> dict[str, Any]:
    """Returns the contents of assets.extra/model.json: what the users of an export need to know.

    Args:
      hparams: of the model.
      folder: its model folder.
      checkpoint: prefix of the checkpoint that is exported.
    """
    step = step_of(checkpoint)
    metrics = next((e for e in folder.read_evaluations() if e["step"] == step), {"step": step})
    data = folder.read_data(
        lambda found: {
            "doubts": found.get("doubts", []),
            **{key: found[key] for key in ("geometry", "crop_size", "train")},
        }
    )
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
        "geometry": data["geometry"],
        "crop_size": data["crop_size"],
        "data": data["train"],
        "doubts": data["doubts"],
        "validation": metrics,
        "calibration": dataclasses.asdict(load_calibration(checkpoint)),
        # Names only: the folders of this machine are nobody else's business.
        "hparams": {
            **dataclasses.asdict(hparams),
            **{name: _name_of(getattr(hparams, name)) for name in ("weights", "warm_start")},
        },
    }


def _name_of(path: str) -> str:
    """Returns the name of a file; for an export, that of its model folder."""
    path = os.path.normpath(path)
    folder = os.path.dirname(path)
    return os.path.basename(
        os.path.dirname(folder) if os.path.basename(folder) == "serving" else path
    )
