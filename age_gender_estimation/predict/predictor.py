"""An exported SavedModel, ready to predict. TensorFlow is loaded with the first model."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import load_geometry
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.files import read_json
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.age_groups import group_label
from age_gender_estimation.tasks.labels import LABELS

MAX_SIDE = 8192  # pixels, of a face crop
SIGNATURES = {"image_bytes": "serving_default", "image": "image:serving_default"}


def find_export(model_dir: str) -> str:
    """Returns the folder of a SavedModel: `model_dir` itself, else its newest serving/<timestamp>.

    Raises:
      InputError: there is neither.
    """
    return ModelFolder(model_dir).newest_export()


def load_description(export: str) -> dict[str, Any]:
    """Returns the contents of an export's assets.extra/model.json.

    Raises:
      InputError: there is none that can be read.
    """
    path = os.path.join(export, "assets.extra", "model.json")
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{export}: expected a SavedModel exported by this project ({error})"
        ) from None


class Predictor:
    """A loaded SavedModel.

    Attributes:
      path: its folder.
      description: the contents of assets.extra/model.json.
      geometry: the Geometry or AlignedGeometry of its face crops (faces.crop).
      crop_size: side in pixels of the crops it was trained on.
      tasks: the tasks it predicts.
      max_age: the highest age in years that it can predict.
      age_groups: ((first, last), ...) if it predicts ranges of years, else None.
      labels: {prediction: Label}; `age_group` stands for `age` if it predicts ranges.

    Args:
      model_dir: an export, or a model folder, of which the newest export is loaded.

    Raises:
      InputError: no SavedModel of this project.
    """

    def __init__(self, model_dir: str) -> None:
        self.path = find_export(model_dir)
        self.description = load_description(self.path)
        import tensorflow as tf  # takes seconds

        broken = OSError, ValueError, LookupError, TypeError, RuntimeError, tf.errors.OpError
        try:
            self.geometry = load_geometry(self.description["geometry"])
            self.crop_size: int = self.description["crop_size"]
            self.tasks = tuple(self.description["tasks"])
            self.max_age: int = self.description["max_age"]
            # Absent in exports from before there were groups.
            self.age_groups = self.description.get("age_groups")
            self.labels = {name: LABELS[name] for name in self.tasks}
            if self.age_groups and "age" in self.labels:
                del self.labels["age"]
                self.labels["age_group"] = group_label(self.age_groups)
            signatures = self._load()
            self._check(signatures["serving_default"])
        except broken as error:
            # The type says what is wrong where the message does not: KeyError: 'geometry'.
            reason = f"{type(error).__name__}: {short_message(error)}"
            raise InputError(
                f"{self.path}: expected a SavedModel exported by this project ({reason}); "
                "age-gender export makes one of a model folder"
            ) from None

    def _load(self):
        """Loads the graph into a session; returns {key: SignatureDef}.

        tf.saved_model.load takes three times as long, because it makes functions of graphs.
        """
        import tensorflow as tf

        with tf.Graph().as_default():
            session = tf.compat.v1.Session()
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], self.path)
        self._run = {}
        for name, key in SIGNATURES.items():
            signature = loaded.signature_def[key]
            outputs = {output: info.name for output, info in signature.outputs.items()}
            self._run[name] = session.make_callable(outputs, [signature.inputs[name].name])
        return loaded.signature_def

    def _check(self, signature):
        """Raises if model.json does not match the signature, or has sizes that cannot be."""
        for name, value in (("crop_size", self.crop_size), ("max_age", self.max_age)):
            if not (type(value) is int and 0 < value <= MAX_SIDE):
                raise ValueError(
                    f"{name}: expected a whole number from 1 to {MAX_SIDE}, got {value!r:.80}"
                )
        outputs = set(signature.outputs)
        for name in self.labels:
            output = name if name == "age" else f"{name}_probabilities"
            if output not in outputs:
                raise LookupError(f"no output {output}; there are {', '.join(sorted(outputs))}")

    def predictions(
        self, outputs: dict[str, np.ndarray]
    ) -> dict[str, tuple[np.ndarray, np.ndarray | None]]:
        """Returns {prediction: (values [batch], confidences [batch])} of a batch's outputs.

        Values are float32 years for age, which has no confidences (None), else class numbers.
        """
        predictions: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}
        for name in self.labels:
            if name == "age":
                predictions[name] = outputs["age"], None
            else:
                probabilities = outputs[f"{name}_probabilities"]
                predictions[name] = probabilities.argmax(axis=-1), probabilities.max(axis=-1)
        return predictions

    def predict_bytes(self, files: Sequence[bytes]) -> dict[str, np.ndarray]:
        """Returns {output: float32 [batch, ...]} of encoded face crops (JPEG, PNG, BMP or GIF).

        Raises:
          InputError: one of them cannot be decoded.
        """
        import tensorflow as tf

        try:
            return self._run["image_bytes"](np.array(files, object))
        except tf.errors.InvalidArgumentError as error:
            raise InputError(f"an image cannot be decoded ({short_message(error)})") from None

    def predict_images(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Returns {output: float32 [batch, ...]} of face crops.

        Args:
          images: uint8 [height, width, 3] RGB, of any sizes; equal sizes share a batch.
        """
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(images):
            by_shape.setdefault(image.shape, []).append(index)
        results: dict[str, np.ndarray] = {}
        for indices in by_shape.values():
            outputs = self._run["image"](np.stack([images[index] for index in indices]))
            for name, values in outputs.items():
                shape = (len(images), *values.shape[1:])
                results.setdefault(name, np.zeros(shape, np.float32))[indices] = values
        return results
