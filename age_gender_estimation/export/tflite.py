"""SavedModel -> tflite/model.tflite with 16-bit weights or model-int8.tflite, and model.json.

The model takes one face: `image`, float32 [1, img_size, img_size, 3] RGB in [0, 255], which the
caller crops and resizes (TensorFlow Lite has no op for the SavedModel's resizing). Its outputs have
the names of the SavedModel's.
"""

import json
import os

import numpy as np
import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.export.check import Limits, check_answers
from age_gender_estimation.export.frozen_graph import freeze
from age_gender_estimation.predict.saved_model import SavedModelRuntime
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import write_files
from age_gender_estimation.storage.model_folder import read_description

LIMITS = Limits(years=0.1, probability=0.01, whole_years=1.0)


def export_tflite(export: str, folder: str, images: np.ndarray) -> str:
    """Converts a SavedModel with 16-bit weights, and writes the file if it answers like it.

    Args:
      export: the folder of the SavedModel.
      folder: where to write the file.
      images: uint8 [n, img_size, img_size, 3], for which both must give the same answers.

    Returns:
      The path of the file.

    Raises:
      InputError: `export` is no SavedModel of this project, or the answers differ.
    """
    path = os.path.join(folder, "model.tflite")
    content = convert(export)
    expected = SavedModelRuntime(export).predict_images(list(images))
    check_answers(path, expected, predict_tflite(content, images), LIMITS)
    _write(export, path, content)
    return path


def export_int8(export: str, folder: str, faces: np.ndarray) -> tuple[str, str]:
    """Converts a SavedModel with 8-bit weights and activations, and measures what that costs.

    Args:
      export: the folder of the SavedModel.
      folder: where to write the file.
      faces: uint8 [n, img_size, img_size, 3]; every second one sets the ranges of the activations,
        the others measure.

    Returns:
      The path of the file, and a line with its mean differences from the SavedModel.

    Raises:
      InputError: `export` is no SavedModel of this project, there are less than 2 faces, or an
        answer is no number.
    """
    if len(faces) < 2:
        raise InputError(f"--int8: expected at least 2 faces, got {len(faces)}; see --img-dir")
    path = os.path.join(folder, "model-int8.tflite")
    content = convert(export, faces[::2])
    expected = SavedModelRuntime(export).predict_images(list(faces[1::2]))
    actual = predict_tflite(content, faces[1::2])
    nothing = Limits(np.inf, np.inf, np.inf)  # the loss is for the caller to judge
    check_answers(path, expected, actual, nothing)
    _write(export, path, content)
    return path, show_loss(expected, actual)


def show_loss(expected: dict[str, np.ndarray], actual: dict[str, np.ndarray]) -> str:
    """Returns how far answers are from the expected ones, on average, as a line."""
    parts = []
    for name, values in sorted(expected.items()):
        if name == "age":
            parts.append(f"age {np.abs(values - actual[name]).mean():.2f} years")
        elif name in ("gender_probabilities", "race_probabilities", "age_group_probabilities"):
            changed = (values.argmax(-1) != actual[name].argmax(-1)).mean()
            parts.append(f"{name.removesuffix('_probabilities')} {100 * changed:.1f}% other")
    return f"mean difference on {len(next(iter(expected.values())))} faces: {', '.join(parts)}"


def convert(export: str, faces: np.ndarray | None = None) -> bytes:
    """Returns the contents of the file of a SavedModel.

    Args:
      export: the folder of the SavedModel.
      faces: uint8 [n, img_size, img_size, 3] for the ranges of 8-bit activations; 16-bit weights if
        None.
    """
    frozen = freeze(export, batch_size=1)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        image, *outputs = tf.graph_util.import_graph_def(
            frozen.graph_def, return_elements=["image:0", *frozen.outputs.values()], name=""
        )
        converter = tf.compat.v1.lite.TFLiteConverter.from_session(session, [image], outputs)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if faces is None:
            converter.target_spec.supported_types = [tf.float16]
        else:
            converter.representative_dataset = lambda: (
                [face[np.newaxis].astype(np.float32)] for face in faces
            )
        return converter.convert()


def predict_tflite(content: bytes, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns {output: float32 [n, ...]} of a model for uint8 [n, img_size, img_size, 3]."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (image,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    answers: dict[str, list] = {output["name"]: [] for output in outputs}
    for pixels in images:
        interpreter.set_tensor(image["index"], pixels[np.newaxis].astype(np.float32))
        interpreter.invoke()
        for output in outputs:
            answers[output["name"]].append(interpreter.get_tensor(output["index"])[0])
    return {name: np.stack(values) for name, values in answers.items()}


def _write(export: str, path: str, content: bytes) -> None:
    description = json.dumps(read_description(export), indent=2) + "\n"
    filesystem.makedirs(os.path.dirname(path))
    write_files({path: content, os.path.join(os.path.dirname(path), "model.json"): description})
