"""Input size -> the requests with which TensorFlow Serving warms up a model before it serves it.

The first request of a process takes seconds, and the first one of each batch size longer than the
next. TensorFlow Serving therefore runs assets.extra/tf_serving_warmup_requests, a TFRecord of
PredictionLog protos, when it loads a model, and refuses a model where one of them fails.
https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import os

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from age_gender_estimation.faces.photo import encode_jpeg

WARM_UP_FILE = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 2, 4, 8, 16, 32)  # the allowed_batch_sizes of deploy/serving/batching.config


def write_warm_up(path: str | os.PathLike[str], img_size: int) -> None:
    """Writes the TFRecord; equal sizes give equal bytes.

    Args:
      path: the file.
      img_size: side of the network's input in pixels.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in warm_up_requests(img_size):
            log = PredictionLog(predict_log=PredictLog(request=request))
            writer.write(log.SerializeToString(deterministic=True))


def warm_up_requests(img_size: int) -> list[PredictRequest]:
    """Returns a request of each of BATCH_SIZES to `serving_default`, one to the other signature."""
    # One image is resized and one is not: these are two branches of the graph.
    small, exact = _image(img_size // 2), _image(img_size)
    files = [encode_jpeg(small, quality=75), encode_jpeg(exact, quality=75)] * max(BATCH_SIZES)
    requests = [_request("serving_default", "image_bytes", files[:size]) for size in BATCH_SIZES]
    # One size is enough for the other signature: only the decoding differs.
    return [*requests, _request("image:serving_default", "image", small[np.newaxis])]


def _request(signature, name, values):
    request = PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def _image(size):
    """Returns uint8 [size, size, 3]: a gradient of colours, without a face."""
    row, column = np.mgrid[0:size, 0:size] * 255 // size
    return np.stack([row, column, 255 - row], axis=-1).astype(np.uint8)
