"""Model folder -> MODEL_DIR/tflite/model.tflite with 16-bit weights, and model.json.

The model takes one face: `image`, float32 [1, img_size, img_size, 3] RGB in [0, 255], which the
caller crops and resizes (TensorFlow Lite has no op for the SavedModel's resizing). Its outputs have
the names of the SavedModel's.
"""

import json
import os

import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.export.calibration import load_calibration
from age_gender_estimation.export.saved_model import describe
from age_gender_estimation.networks.network import backbone_config
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.files import write_files
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.estimator import model_fn
from age_gender_estimation.training.hparams import load_hparams


def export_tflite(model_dir: str) -> str:
    """Converts the best checkpoint of a model folder.

    Returns:
      The path of the model.

    Raises:
      InputError: the folder holds no trained model, or one that cannot be read.
    """
    folder, hparams = ModelFolder(model_dir), load_hparams(model_dir)
    checkpoint = folder.best_checkpoint()
    params = {
        "hparams": hparams,
        "backbone": backbone_config(hparams)[0],
        "start": None,
        "calibration": load_calibration(checkpoint),
    }
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        image = tf.compat.v1.placeholder(
            tf.float32, [1, hparams.img_size, hparams.img_size, 3], "image"
        )
        spec = model_fn({"image": image}, None, tf.estimator.ModeKeys.PREDICT, params)
        outputs = [tf.identity(values, name) for name, values in spec.predictions.items()]
        try:
            (spec.scaffold.saver or tf.compat.v1.train.Saver()).restore(session, checkpoint)
        except (tf.errors.OpError, ValueError) as error:
            reason = f"{type(error).__name__}: {short_message(error)}"
            raise InputError(f"expected to read {checkpoint} ({reason})") from None
        converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [image], outputs)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    path, description_path = (
        folder.join("tflite", "model.tflite"),
        folder.join("tflite", "model.json"),
    )
    description = json.dumps(describe(hparams, folder, checkpoint), indent=2) + "\n"
    filesystem.makedirs(os.path.dirname(path))
    write_files({path: content, description_path: description})
    return path
