"""SavedModel -> model.onnx beside it: one file with 32-bit weights, for any batch size.

Its input is `image`, float32 [batch, img_size, img_size, 3] RGB in [0, 255], already resized; the
outputs have the names of the SavedModel's. Its metadata hold the description, model.json.
"""

import json
import logging
import os
import tempfile

import numpy as np
import onnx
import tf2onnx

from age_gender_estimation.export.check import Limits, check_answers
from age_gender_estimation.export.frozen_graph import freeze
from age_gender_estimation.predict.onnx_runtime import DESCRIPTION, INPUT, OnnxRuntime
from age_gender_estimation.predict.saved_model import SavedModelRuntime
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.storage.model_folder import ONNX_FILE, read_description

OPSET = 17  # onnxruntime 1.13 and newer read it
LIMITS = Limits(years=0.001, probability=0.001, whole_years=0.001)


def export_onnx(export: str, images: np.ndarray) -> str:
    """Converts a SavedModel, and writes the file if it answers like it.

    Args:
      export: the folder of the SavedModel.
      images: uint8 [n, img_size, img_size, 3], for which both must give the same answers.

    Returns:
      The path of the file.

    Raises:
      InputError: `export` is no SavedModel of this project, or the answers differ.
    """
    path = os.path.join(export, ONNX_FILE)
    content = convert(export)
    with tempfile.TemporaryDirectory() as folder:
        scratch = os.path.join(folder, ONNX_FILE)
        write_file(scratch, content)
        actual = OnnxRuntime(scratch).predict_images(list(images))
    check_answers(path, SavedModelRuntime(export).predict_images(list(images)), actual, LIMITS)
    write_file(path, content)
    return path


def convert(export: str) -> bytes:
    """Returns the contents of the ONNX file of a SavedModel."""
    frozen = freeze(export)
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    names = {tensor: name for name, tensor in frozen.outputs.items()}
    model, _ = tf2onnx.convert.from_graph_def(
        frozen.graph_def,
        name="age_gender_estimation",
        input_names=[f"{INPUT}:0"],
        output_names=list(names),
        opset=OPSET,
        tensors_to_rename={f"{INPUT}:0": INPUT, **names},
    )
    description = json.dumps(read_description(export))
    onnx.helper.set_model_props(model, {DESCRIPTION: description})
    return model.SerializeToString(deterministic=True)
