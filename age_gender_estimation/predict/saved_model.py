"""The runtime for SavedModels: TensorFlow, which is imported with the first one."""

import os
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.files import read_json

SIGNATURES = {"image_bytes": "serving_default", "image": "image:serving_default"}


class SavedModelRuntime:
    """A `predict.predictor.Runtime` of a SavedModel, which decodes and resizes in its graph.

    Args:
      export: its folder.

    Raises:
      InputError: it is no SavedModel of this project.
    """

    kind: str = "a SavedModel"
    outputs: Collection[str]

    def __init__(self, export: str) -> None:
        path = os.path.join(export, "assets.extra", "model.json")
        try:
            self.description: Any = read_json(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{export}: expected a SavedModel exported by this project ({error})"
            ) from None
        import tensorflow as tf  # takes seconds

        broken = OSError, ValueError, LookupError, TypeError, RuntimeError, tf.errors.OpError
        try:
            self._run, self.outputs = _load(export)
        except broken as error:
            # The type says what is wrong where the message does not.
            reason = f"{type(error).__name__}: {short_message(error)}"
            raise InputError(
                f"{export}: expected a SavedModel exported by this project ({reason}); "
                "age-gender export makes one of a model folder"
            ) from None

    def predict_bytes(self, files: Sequence[bytes]) -> dict[str, np.ndarray]:
        import tensorflow as tf

        try:
            return self._run["image_bytes"](np.array(files, object))
        except tf.errors.InvalidArgumentError as error:
            raise InputError(f"an image cannot be decoded ({short_message(error)})") from None

    def predict_images(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
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


def _load(export):
    """Loads the graph into a session; returns {input: callable} and the names of the outputs.

    tf.saved_model.load takes three times as long, because it makes functions of graphs.
    """
    import tensorflow as tf

    with tf.Graph().as_default():
        session = tf.compat.v1.Session()
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], export)
    run = {}
    for name, key in SIGNATURES.items():
        signature = loaded.signature_def[key]
        outputs = {output: info.name for output, info in signature.outputs.items()}
        run[name] = session.make_callable(outputs, [signature.inputs[name].name])
    return run, frozenset(loaded.signature_def["serving_default"].outputs)
