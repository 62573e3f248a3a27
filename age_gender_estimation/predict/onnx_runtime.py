"""The runtime for ONNX files: onnxruntime, which is imported with the first one.

The graph begins with resized pixels. Decoding and resizing, which a SavedModel does in its graph,
happen here: files as in `faces.photo`, sizes as in `predict.resize`. JPEG, PNG and BMP give the
pixels of the SavedModel's decoder, with three differences: an image is turned as its EXIF
orientation says, WebP and TIFF can be read, and GIF and images below 16 pixels cannot.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo
from age_gender_estimation.predict.resize import resize
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.workers.local import count_cores

DESCRIPTION = "model.json"  # key of the description in the file's metadata
INPUT = "image"


class OnnxRuntime:
    """A `predict.predictor.Runtime` of an ONNX file. Several threads may use it at once.

    Args:
      path: the file, here or in a bucket.

    Raises:
      InputError: it is damaged or not of this project, or onnxruntime is not installed.
    """

    kind: str = "an ONNX file"
    outputs: Collection[str]

    def __init__(self, path: str) -> None:
        try:
            import onnxruntime
        except ImportError:
            raise InputError(
                f"{path}: expected onnxruntime, which reads it, to be installed; "
                "type: pip install 'onnxruntime<1.27'"
            ) from None
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong with a file stands in the exception
        # The variable that worker processes get; see workers.process.
        options.intra_op_num_threads = int(
            os.environ.get("TF_NUM_INTRAOP_THREADS") or count_cores()
        )
        # Threads that wait for work would take a core from the photos that are decoded meanwhile.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        content = filesystem.read_bytes(path)
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
            self.outputs = frozenset(each.name for each in self._session.get_outputs())
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.description, self._size = _read(metadata, self._session.get_inputs())
        # onnxruntime has a class for each of its errors, with no other base.
        except Exception as error:
            reason = f"{type(error).__name__}: {short_message(error)}"
            raise InputError(
                f"{path}: expected an ONNX file exported by this project ({reason}); "
                "age-gender export --format onnx makes one"
            ) from None

    def predict_bytes(self, files: Sequence[bytes]) -> dict[str, np.ndarray]:
        try:
            return self.predict_images([decode_photo(data) for data in files])
        except UnreadablePhoto as error:
            raise InputError(f"an image cannot be decoded ({error})") from None

    def predict_images(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        pixels = [resize(image[np.newaxis], self._size) for image in images]
        names = sorted(self.outputs)
        feeds = {INPUT: np.concatenate(pixels).astype(np.float32)}
        return dict(zip(names, self._session.run(names, feeds)))


def _read(metadata: Mapping[str, str], inputs: Sequence[Any]) -> tuple[Any, int]:
    """Returns the description and the side of the input in pixels.

    Raises:
      ValueError, LookupError, TypeError: the file is not of this project.
    """
    if DESCRIPTION not in metadata:
        raise LookupError(f"no {DESCRIPTION} in its metadata")
    description = json.loads(metadata[DESCRIPTION])
    size = description["img_size"]
    found = [(each.name, each.type, each.shape[1:]) for each in inputs]
    if found != [(INPUT, "tensor(float)", [size, size, 3])]:
        raise ValueError(f"expected the input {INPUT}, float [{size}, {size}, 3], found {found}")
    return description, size
