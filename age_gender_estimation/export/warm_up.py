"""Size of the network's input -> the requests with which TensorFlow Serving warms a model up before it takes real ones.

The first call in a process costs seconds, and the first one of each batch size more than the next. TensorFlow Serving
therefore runs assets.extra/tf_serving_warmup_requests, a TFRecord of PredictionLog protos, when it loads a model, and
refuses a model of which a request fails. https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from age_gender_estimation.faces.photo import encode_jpeg

WARM_UP_FILE = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 2, 4, 8, 16, 32)  # the allowed_batch_sizes of deploy/serving/batching.config


def write_warm_up(path, img_size):
    """Writes the TFRecord; equal sizes give equal bytes.

    Args:
      path: the file.
      img_size: side in pixels of what the network sees.
    """
    with tf.io.TFRecordWriter(path) as writer:
        for request in warm_up_requests(img_size):
            log = PredictionLog(predict_log=PredictLog(request=request))
            writer.write(log.SerializeToString(deterministic=True))


def warm_up_requests(img_size):
    """Returns PredictRequests: each of BATCH_SIZES for `serving_default`, one picture for `image:serving_default`."""
    # One is to be resized and one has the size already; the graph does these in two branches.
    small, exact = _picture(img_size // 2), _picture(img_size)
    files = [encode_jpeg(small, quality=75), encode_jpeg(exact, quality=75)] * max(BATCH_SIZES)
    requests = [_request("serving_default", "image_bytes", files[:size]) for size in BATCH_SIZES]
    # What follows the decoding is warm by then.
    return [*requests, _request("image:serving_default", "image", small[np.newaxis])]


def _request(signature, name, values):
    request = PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def _picture(size):
    """Returns uint8 [size, size, 3]: colours that change from corner to corner. Nobody is in it."""
    row, column = np.mgrid[0:size, 0:size] * 255 // size
    return np.stack([row, column, 255 - row], axis=-1).astype(np.uint8)
