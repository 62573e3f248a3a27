"""An exported model, ready to be asked. In: face crops. Out: arrays per output of the SavedModel."""

import os

import numpy as np
import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import load_geometry
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.files import read_json
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.age_groups import group_label
from age_gender_estimation.tasks.labels import LABELS

MAX_SIDE = 8192  # pixels, of a face crop


def find_export(model_dir):
    """Returns the folder of a SavedModel: `model_dir` itself if it is one, else its newest serving/<timestamp>.

    Raises:
      InputError: neither.
    """
    return ModelFolder(model_dir).newest_export()


def load_description(export):
    """Returns the contents of an export's assets.extra/model.json.

    Raises:
      InputError: it has none that can be read.
    """
    path = os.path.join(export, "assets.extra", "model.json")
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{export}: expected a SavedModel exported by this project ({error})"
        ) from None


def _load_graph(export):
    """Returns (session, {key: signature}) of a SavedModel.

    In a session, as the Estimator wrote it: tf.saved_model.load takes three times as long, to make functions of graphs.
    """
    with tf.Graph().as_default():
        session = tf.compat.v1.Session()
        return session, tf.compat.v1.saved_model.load(session, ["serve"], export).signature_def


def _callable(session, signature, input_name):
    """Returns the function of a signature: array [batch, ...] -> {output: float32 array [batch, ...]}."""
    outputs = {name: info.name for name, info in signature.outputs.items()}
    return session.make_callable(outputs, [signature.inputs[input_name].name])


class Predictor:
    """A loaded SavedModel.

    Attributes:
      path: its folder.
      description: the contents of assets.extra/model.json.
      geometry: faces.crop.Geometry or AlignedGeometry that its face crops must have.
      crop_size: side in pixels of the crops it was trained from.
      tasks: the tasks it answers.
      max_age: the highest age in years that it can answer.
      age_groups: ((first, last), ...) where it answers ranges of years, else None.
      labels: {answer: Label}: what it says of a face; `age_group` stands for `age` where it answers ranges.

    Raises:
      InputError: no SavedModel of this project.
    """

    def __init__(self, model_dir):
        self.path = find_export(model_dir)
        self.description = load_description(self.path)
        try:
            self.geometry = load_geometry(self.description["geometry"])
            self.crop_size = self.description["crop_size"]
            self.tasks = tuple(self.description["tasks"])
            self.max_age = self.description["max_age"]
            self.age_groups = self.description.get(
                "age_groups"
            )  # absent in exports before there were groups
            session, signatures = _load_graph(self.path)
            self._ask = {
                name: _callable(session, signatures[key], name)
                for name, key in (
                    ("image_bytes", "serving_default"),
                    ("image", "image:serving_default"),
                )
            }
            self.labels = {name: LABELS[name] for name in self.tasks}
            if self.age_groups and "age" in self.labels:
                del self.labels["age"]
                self.labels["age_group"] = group_label(self.age_groups)
            self._check(signatures["serving_default"])
        except (
            OSError,
            ValueError,
            LookupError,
            TypeError,
            RuntimeError,
            tf.errors.OpError,
        ) as error:
            # The name says what is wrong where the message does not: KeyError: 'geometry'.
            reason = f"{type(error).__name__}: {short_message(error)}"
            raise InputError(
                f"{self.path}: expected a SavedModel exported by this project ({reason}); "
                "bin/export.py makes one of a model folder"
            ) from None

    def _check(self, signature):
        """Raises where model.json does not describe the signature, or says what no picture can be."""
        for name, value in (("crop_size", self.crop_size), ("max_age", self.max_age)):
            if not (type(value) is int and 0 < value <= MAX_SIDE):
                raise ValueError(
                    f"{name}: expected a whole number from 1 to {MAX_SIDE}, got {value!r:.80}"
                )
        answered = set(signature.outputs)
        for name in self.labels:
            output = name if name == "age" else f"{name}_probabilities"
            if output not in answered:
                raise LookupError(f"no output {output}; there are {', '.join(sorted(answered))}")

    def answers(self, outputs):
        """Returns {answer: (values [batch], confidences [batch] or None)}: years for age, class numbers for the others."""
        answers = {}
        for name in self.labels:
            if name == "age":
                answers[name] = outputs["age"], None
            else:
                probabilities = outputs[f"{name}_probabilities"]
                answers[name] = probabilities.argmax(axis=-1), probabilities.max(axis=-1)
        return answers

    def predict_bytes(self, pictures):
        """Returns {output: float32 array [batch, ...]} for a list of encoded JPEG, PNG, BMP or GIF face crops.

        Raises:
          InputError: one of them cannot be decoded.
        """
        try:
            return self._ask["image_bytes"](np.array(pictures, object))
        except tf.errors.InvalidArgumentError as error:
            raise InputError(f"a picture cannot be decoded ({short_message(error)})") from None

    def predict_images(self, images):
        """Returns {output: float32 array [batch, ...]} for a list of uint8 [height, width, 3] face crops of any sizes."""
        by_shape = {}
        for index, image in enumerate(images):
            by_shape.setdefault(image.shape, []).append(index)
        results = {}
        for indices in by_shape.values():
            outputs = self._ask["image"](np.stack([images[index] for index in indices]))
            for name, values in outputs.items():
                stored = results.setdefault(
                    name, np.zeros((len(images), *values.shape[1:]), np.float32)
                )
                stored[indices] = values
        return results
