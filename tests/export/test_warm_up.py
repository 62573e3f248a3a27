import os
import pathlib
import shutil

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from age_gender_estimation.export.saved_model import export_model
from age_gender_estimation.export.warm_up import BATCH_SIZES, write_warm_up


def warm_up_file(export):
    return os.path.join(export, "assets.extra", "tf_serving_warmup_requests")


def read_requests(export):
    records = tf.data.TFRecordDataset(warm_up_file(export)).as_numpy_iterator()
    return [PredictionLog.FromString(record).predict_log.request for record in records]


def test_the_export_answers_every_request_that_it_carries(predictor, served):
    requests = read_requests(predictor.path)
    asked = [(request.model_spec.signature_name, *request.inputs) for request in requests]
    assert set(asked) == {("serving_default", "image_bytes"), ("image:serving_default", "image")}
    assert {name for name, _ in asked} == set(served.signatures) - {"__saved_model_init_op"}
    sizes = []
    for request in requests:
        answers = served.answer(request)
        sizes.append(len(answers["age"]))
        assert set(answers) == set(served.signatures[request.model_spec.signature_name].outputs)
        assert all(
            len(values) == sizes[-1] and np.isfinite(values).all() for values in answers.values()
        )
    assert tuple(sizes) == (*BATCH_SIZES, 1)


def test_requests_run_both_branches_of_resizing(predictor):
    largest = tf.make_ndarray(
        read_requests(predictor.path)[len(BATCH_SIZES) - 1].inputs["image_bytes"]
    )
    shapes = {tf.io.decode_jpeg(image).shape[:2].as_list()[0] for image in largest}
    assert predictor.description["img_size"] in shapes and len(shapes) == 2


def test_equal_models_carry_equal_bytes(trained, predictor, tmp_path):
    shutil.copytree(trained[0], tmp_path / "model", ignore=shutil.ignore_patterns("serving"))
    again = pathlib.Path(warm_up_file(export_model(str(tmp_path / "model")))).read_bytes()
    assert again == pathlib.Path(warm_up_file(predictor.path)).read_bytes()
    write_warm_up(str(tmp_path / "larger"), 64)
    assert (tmp_path / "larger").read_bytes() != again and len(again) < 500_000
