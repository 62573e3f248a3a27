"""An exported model, ready to predict: an ONNX file or a SavedModel."""

import os
from collections.abc import Collection, Sequence
from typing import Any, Protocol

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import load_geometry
from age_gender_estimation.predict.onnx_runtime import OnnxRuntime
from age_gender_estimation.predict.saved_model import SavedModelRuntime
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.storage.model_folder import ONNX_FILE, SAVED_MODEL_FILE, ModelFolder
from age_gender_estimation.tasks.age_groups import group_label
from age_gender_estimation.tasks.labels import LABELS

MAX_SIDE = 8192  # pixels, of a face crop
FILES = {"onnx": ONNX_FILE, "saved-model": SAVED_MODEL_FILE}  # {name of a runtime: its file}
RUNTIMES = tuple(FILES)  # the first one that an export has a file for is the default


class Runtime(Protocol):
    """What runs an exported model. Its methods may be called from several threads at once.

    Attributes:
      kind: what it runs, for messages.
      description: the contents of the export's model.json, unchecked.
      outputs: the names of the outputs.
    """

    kind: str
    description: Any
    outputs: Collection[str]

    def predict_bytes(self, files: Sequence[bytes]) -> dict[str, np.ndarray]:
        """See Predictor."""
        ...

    def predict_images(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """See Predictor."""
        ...


def find_export(model_dir: str) -> str:
    """Returns `model_dir` itself if it is an export or an .onnx file, else its newest export.

    Raises:
      InputError: there is none.
    """
    if model_dir.lower().endswith(".onnx") and filesystem.isfile(model_dir):
        return model_dir
    return ModelFolder(model_dir).newest_export(FILES.values())


def find_runtime(export: str, runtime: str | None = None) -> tuple[str, str]:
    """Returns the name of the runtime for an export, and the path of the file that it loads.

    Args:
      export: from `find_export`.
      runtime: one of RUNTIMES; by the files of the export if None.

    Raises:
      InputError: the export has no file for it.
    """
    if export.lower().endswith(".onnx"):
        paths = {"onnx": export}
    else:
        found = {name: os.path.join(export, file) for name, file in FILES.items()}
        paths = {name: path for name, path in found.items() if filesystem.isfile(path)}
    name = runtime or next(iter(paths))
    if name not in paths:
        raise InputError(
            f"--runtime {name}: expected {FILES[name]} in {export}, found none; "
            f"use --runtime {next(iter(paths))}, or age-gender export --format {name} makes it"
        )
    return name, paths[name]


class Predictor:
    """A loaded model. Several threads may use it at once.

    Attributes:
      path: the folder of its export, or the .onnx file.
      runtime: the name of what runs it, one of RUNTIMES.
      description: the contents of the export's model.json.
      geometry: the Geometry or AlignedGeometry of its face crops (faces.crop).
      crop_size: side in pixels of the crops it was trained on.
      tasks: the tasks it predicts.
      max_age: the highest age in years that it can predict.
      age_groups: ((first, last), ...) if it predicts ranges of years, else None.
      labels: {prediction: Label}; `age_group` stands for `age` if it predicts ranges.

    Args:
      model_dir: an export, a model folder, of which the newest export is loaded, or an .onnx file.
      runtime: one of RUNTIMES; onnx if None and the export has an ONNX file.

    Raises:
      InputError: no model of this project, or none for this runtime.
    """

    def __init__(self, model_dir: str, runtime: str | None = None) -> None:
        self.path = find_export(model_dir)
        self.runtime, file = find_runtime(self.path, runtime)
        self._model: Runtime = (
            OnnxRuntime(file) if self.runtime == "onnx" else SavedModelRuntime(self.path)
        )
        self.description = self._model.description
        try:
            self._read_description()
        except (ValueError, LookupError, TypeError) as error:
            # The type says what is wrong where the message does not: KeyError: 'geometry'.
            reason = f"{type(error).__name__}: {short_message(error)}"
            raise InputError(
                f"{self.path}: expected {self._model.kind} exported by this project ({reason}); "
                "age-gender export makes one of a model folder"
            ) from None

    def _read_description(self) -> None:
        """Raises if model.json does not match the outputs, or has sizes that cannot be."""
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
        for name, value in (("crop_size", self.crop_size), ("max_age", self.max_age)):
            if not (type(value) is int and 0 < value <= MAX_SIDE):
                raise ValueError(
                    f"{name}: expected a whole number from 1 to {MAX_SIDE}, got {value!r:.80}"
                )
        outputs = self._model.outputs
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
        """Returns {output: float32 [batch, ...]} of encoded face crops.

        Both runtimes read JPEG, PNG and BMP; see `predict.onnx_runtime` for the differences.

        Raises:
          InputError: one of them cannot be decoded.
        """
        return self._model.predict_bytes(files)

    def predict_images(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Returns {output: float32 [batch, ...]} of face crops.

        Args:
          images: uint8 [height, width, 3] RGB, of any sizes; equal sizes share a batch.
        """
        return self._model.predict_images(images)
