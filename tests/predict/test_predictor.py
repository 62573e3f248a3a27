"""What TensorFlow Serving does with an export, as far as it can be done without its binary.

It joins requests along the first dimension, fills the batch up with copies of an image and splits
the outputs (batching_session.cc); over HTTP it makes tensors of JSON (json_tensor.cc).
"""

import base64
import json
import re
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.export.warm_up import BATCH_SIZES
from age_gender_estimation.faces.photo import encode_jpeg
from tests.conftest import ROOT

CONFIGS = ROOT / "deploy/serving"
README = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
# {message: {field: (number, type)}}, where * is repeated, of session_bundle_config.proto and
# monitoring_config.proto, which are not in tensorflow-serving-api.
SCHEMA = {
    "BatchingParameters": {
        "max_batch_size": (1, ".google.protobuf.Int64Value"),
        "batch_timeout_micros": (2, ".google.protobuf.Int64Value"),
        "max_enqueued_batches": (3, ".google.protobuf.Int64Value"),
        "num_batch_threads": (4, ".google.protobuf.Int64Value"),
        "thread_pool_name": (5, ".google.protobuf.StringValue"),
        "allowed_batch_sizes": (6, "int64*"),
        "pad_variable_length_inputs": (7, "bool"),
    },
    "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
    "MonitoringConfig": {"prometheus_config": (1, ".serving.PrometheusConfig")},
}


def read_config(name, message):
    """Parses a text proto with the schema above: an unknown field or a wrong type raises."""
    file = descriptor_pb2.FileDescriptorProto(
        name="serving.proto",
        package="serving",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    for message_name, fields in SCHEMA.items():
        added = file.message_type.add(name=message_name)
        for field, (number, kind) in fields.items():
            entry = added.field.add(name=field, number=number, label=3 if kind.endswith("*") else 1)
            if kind.startswith("."):
                entry.type, entry.type_name = entry.TYPE_MESSAGE, kind
            else:
                entry.type = getattr(entry, f"TYPE_{kind.rstrip('*').upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    parsed = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"serving.{message}"))()
    return text_format.Parse((CONFIGS / name).read_text(encoding="utf-8"), parsed)


def request_of(signature, name, values):
    request = PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return request


def batched(served, signature, name, requests, sizes):
    """Returns each request's outputs as batching gives them; `sizes` are allowed batch sizes."""
    joined = np.concatenate(requests)
    padding = next(size for size in sizes if size >= len(joined)) - len(joined)
    joined = np.concatenate([joined, *[requests[-1][:1]] * padding])
    answers = served.answer(request_of(signature, name, joined))
    assert all(len(values) == len(joined) for values in answers.values())
    ends = np.cumsum([len(request) for request in requests])
    parts = {output: np.split(values, ends)[: len(requests)] for output, values in answers.items()}
    return [
        {output: each[index] for output, each in parts.items()} for index in range(len(requests))
    ]


@pytest.fixture(scope="module")
def config():
    return read_config("batching.config", "BatchingParameters")


@pytest.fixture(scope="module")
def faces():
    """Six drawn faces of 48 to 88 pixels."""
    generator = np.random.default_rng(0)
    return [draw_face(15 * index, index % 2, generator, 48 + 8 * index) for index in range(6)]


def test_the_batching_config_is_one_that_the_server_takes(config):
    sizes = list(config.allowed_batch_sizes)
    assert (
        sizes == sorted(set(sizes)) and sizes[-1] == config.max_batch_size.value
    )  # or the server does not start
    assert tuple(sizes) == BATCH_SIZES  # what the warm-up requests of every export have run
    assert config.num_batch_threads.value >= 1 and config.max_enqueued_batches.value >= 1
    assert 0 <= config.batch_timeout_micros.value <= 50_000
    assert not config.pad_variable_length_inputs


def test_the_monitoring_config_names_the_page_that_the_readme_names():
    prometheus = read_config("monitoring.config", "MonitoringConfig").prometheus_config
    assert prometheus.enable and f"http://localhost:8501{prometheus.path}`" in README


def test_the_docker_command_names_files_that_exist():
    command = next(
        block
        for block in re.findall(r"```\w*\n(.*?)```", README, re.S)
        if "tensorflow/serving " in block
    )
    named = re.findall(r"=/config/(\S+)", command)
    assert sorted(named) == sorted(path.name for path in CONFIGS.iterdir())
    assert '-v "$PWD/deploy/serving:/config:ro"' in command and "-p 8501:8501" in command


def test_requests_that_were_joined_get_the_answers_that_they_get_alone(served, faces, config):
    files = np.array([encode_jpeg(face) for face in faces], object)
    requests = [files[:2], files[2:3], files[3:6]]
    answers = batched(
        served, "serving_default", "image_bytes", requests, config.allowed_batch_sizes
    )
    ages = np.concatenate([answer["age"] for answer in answers])
    assert len(ages) == 6 and len(set(ages.tolist())) == 6
    for request, answer in zip(requests, answers):
        alone = served.answer(request_of("serving_default", "image_bytes", request))
        assert set(answer) == set(alone)
        for output, values in alone.items():
            np.testing.assert_allclose(answer[output], values, atol=1e-4)


def test_pixels_of_one_size_can_be_joined_too(served, noise_image, config):
    requests = [noise_image[np.newaxis], np.stack([noise_image[::-1], noise_image[:, ::-1]])]
    answers = batched(
        served, "image:serving_default", "image", requests, config.allowed_batch_sizes
    )
    for request, answer in zip(requests, answers):
        alone = served.answer(request_of("image:serving_default", "image", request))
        for output, values in alone.items():
            np.testing.assert_allclose(answer[output], values, atol=1e-4)


def test_one_broken_picture_fails_its_batch(served, faces):
    files = np.array([encode_jpeg(faces[0]), b"garbage"], object)
    with pytest.raises(tf.errors.InvalidArgumentError):
        served.answer(request_of("serving_default", "image_bytes", files))


def tensors_of(body, served):
    """Returns the PredictRequest that the REST API makes of a body with one input."""
    body = json.loads(body)
    request = PredictRequest()
    request.model_spec.signature_name = body.pop("signature_name", "serving_default")
    inputs = served.signatures[request.model_spec.signature_name].inputs
    (name,) = inputs
    values = []
    for instance in body.pop("instances"):
        if isinstance(instance, dict) and set(instance) != {"b64"}:
            assert set(instance) == {name}
            instance = instance[name]
        is_binary = isinstance(instance, dict)
        values.append(base64.b64decode(instance["b64"], validate=True) if is_binary else instance)
    assert not body  # the server takes nothing else
    request.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.dtypes.DType(inputs[name].dtype)))
    return request


@pytest.fixture(scope="module")
def readme_body(faces, tmp_path_factory):
    """The body that the README's curl sends for face.jpg, as the shell writes it."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "face.jpg").write_bytes(encode_jpeg(faces[3]))
    (command,) = re.findall(
        r"^curl -s http://localhost:8501/v1/models/faces:predict -d @- (<<.*?^END)$",
        README,
        re.M | re.S,
    )
    return subprocess.run(
        ["bash", "-c", f"cat {command}"], cwd=folder, check=True, capture_output=True
    ).stdout


def test_the_readmes_request_is_what_the_signature_takes(readme_body, served, faces):
    request = tensors_of(readme_body, served)
    (name,) = request.inputs
    expected = served.signatures[request.model_spec.signature_name].inputs[name]
    proto = request.inputs[name]
    assert (name, proto.dtype) == ("image_bytes", expected.dtype)
    assert [each.size for each in proto.tensor_shape.dim] == [1] and expected.tensor_shape.dim[
        0
    ].size == -1
    answers = served.answer(request)
    alone = served.answer(request_of("serving_default", "image_bytes", [encode_jpeg(faces[3])]))
    np.testing.assert_allclose(answers["age"], alone["age"], atol=1e-4)


def test_the_readmes_other_form_is_the_same_request(readme_body, served):
    by_name = json.loads(readme_body)
    (form,) = re.findall(r"\(`(\{.*?\})` is the same instance by name", README)
    by_name["instances"] = [
        json.loads(form.replace("...", each["b64"])) for each in by_name["instances"]
    ]
    assert by_name["instances"] != json.loads(readme_body)["instances"]
    assert tensors_of(json.dumps(by_name), served) == tensors_of(readme_body, served)


def test_the_readmes_answer_names_outputs(readme_body, served):
    (shown,) = re.findall(r'^\{"predictions": \[\{(.*)\}\]\}$', README, re.M)
    names = set(re.findall(r'"(\w+)":', shown))
    assert "age" in names and names <= set(served.answer(tensors_of(readme_body, served)))
