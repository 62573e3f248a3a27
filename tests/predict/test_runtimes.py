"""The ONNX file and the SavedModel of one export give the same answers."""

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import onnx
import pytest

from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.predict.predictor import Predictor
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def both(converted):
    return [Predictor(str(converted), runtime) for runtime in ("onnx", "saved-model")]


@pytest.fixture(scope="module")
def faces():
    """Drawn faces of four sizes, two of which are resized down and one up."""
    generator = np.random.default_rng(1)
    sizes = (32, 57, 20, 100)
    return [draw_face(5 * index, index % 2, generator, sizes[index % 4]) for index in range(16)]


def assert_equal_answers(actual, expected):
    assert set(actual) == set(expected) and "race_probabilities" not in actual
    assert expected["age"].std() > 0.005  # a constant answer would agree with anything
    for name, values in expected.items():
        assert actual[name].dtype == np.float32
        np.testing.assert_allclose(actual[name], values, atol=1e-4, err_msg=name)


def test_predicting_leaves_no_files_of_others_behind(tmp_path):
    """onnxruntime 1.30 and newer begin a session of usage data in TMPDIR when imported."""
    program = (
        "from age_gender_estimation import FaceAnalyzer\n"
        f"assert FaceAnalyzer().analyze({str(ROOT / 'examples/astronaut.jpg')!r})"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_all_outputs_are_equal_for_pixels_of_any_size(both, faces):
    onnx_model, saved_model = both
    assert_equal_answers(onnx_model.predict_images(faces), saved_model.predict_images(faces))


def test_all_outputs_are_equal_for_files(both, faces):
    files = [encode_jpeg(face) for face in faces[:12]]
    for ending in (".png", ".bmp"):
        files += [cv2.imencode(ending, face)[1].tobytes() for face in faces[12:]]
    onnx_model, saved_model = both
    assert_equal_answers(onnx_model.predict_bytes(files), saved_model.predict_bytes(files))


def test_the_onnx_file_is_preferred_and_describes_itself(converted, both, tmp_path):
    assert Predictor(str(converted)).runtime == "onnx"
    shutil.copy(converted / "model.onnx", tmp_path / "face.onnx")
    alone = Predictor(str(tmp_path / "face.onnx"))
    assert alone.path == str(tmp_path / "face.onnx") and alone.runtime == "onnx"
    assert alone.description == both[1].description
    (tmp_path / "serving/7").mkdir(parents=True)
    shutil.copy(converted / "model.onnx", tmp_path / "serving/7")
    assert Predictor(str(tmp_path)).path == str(tmp_path / "serving/7")


def test_predict_prints_the_same_over_both(script, converted, tmp_path):
    photo = draw_face(40, 0, np.random.default_rng(2), 90)
    cv2.imwrite(str(tmp_path / "x.png"), photo)
    arguments = ["--image-path", tmp_path / "x.png", "--face-detector", "none"]
    printed = [
        script("predict.py", *arguments, "--model-dir", converted, "--runtime", runtime).stdout
        for runtime in ("onnx", "saved-model")
    ]
    assert printed[0] == printed[1] and printed[0].startswith("Predicted: ")
    path = converted / "model.onnx"
    assert script("predict.py", *arguments, "--model-dir", path).stdout == printed[0]


def test_worker_processes_use_the_runtime_that_was_asked_for(script, converted, tmp_path, faces):
    for number, face in enumerate(faces):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), face)
    shutil.copytree(converted, tmp_path / "export")
    (tmp_path / "export/saved_model.pb").write_bytes(b"garbage")  # would show if it were loaded
    arguments = ["--image-path", tmp_path, "--face-detector", "none", "--batch-size", 4]
    printed = [
        script("predict.py", *arguments, "--model-dir", folder, *more).stdout
        for folder, more in (
            (tmp_path / "export", ["--runtime", "onnx", "--workers", 2]),
            (converted, []),
        )
    ]
    assert printed[0] == printed[1] and len(printed[0].splitlines()) == 16


@pytest.mark.parametrize("runtime", ["onnx", "saved-model"])
def test_eight_threads_at_once_get_the_answers_of_one(both, faces, runtime):
    model = next(each for each in both if each.runtime == runtime)
    alone = [model.predict_images([face]) for face in faces]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda n: model.predict_images([faces[n % 16]]), range(64)))
    for number, answer in enumerate(answers):
        for name, values in alone[number % 16].items():
            np.testing.assert_array_equal(answer[name], values)


def test_a_damaged_file_is_one_line(converted, tmp_path):
    content = (converted / "model.onnx").read_bytes()
    path = tmp_path / "face.onnx"
    for damaged in (b"", b"<html>not here</html>", content[: len(content) // 2], content[:-100]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="face.onnx: expected an ONNX file exported") as caught:
            Predictor(str(path))
        assert "\n" not in str(caught.value)


def test_a_foreign_file_is_one_line(converted, tmp_path):
    path = str(tmp_path / "face.onnx")

    def refusal(change):
        model = onnx.load(converted / "model.onnx")
        change(model)
        onnx.save(model, path)
        with pytest.raises(InputError, match="face.onnx: expected an ONNX file exp") as caught:
            Predictor(path)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    def rename(model, old, new):
        for node in model.graph.node:
            for names in (node.input, node.output):
                names[:] = [new if name == old else name for name in names]
        for value in (*model.graph.input, *model.graph.output):
            value.name = new if value.name == old else value.name

    def describe(model, **changes):
        description = {**json.loads(model.metadata_props[0].value), **changes}
        model.metadata_props[0].value = json.dumps(description)

    assert "no model.json in its metadata" in refusal(lambda m: m.ClearField("metadata_props"))
    assert "no output age; there are" in refusal(lambda m: rename(m, "age", "years"))
    assert "expected the input image" in refusal(lambda m: rename(m, "image", "input"))
    assert "float [64, 64, 3]" in refusal(lambda m: describe(m, img_size=64))
    assert "crop_size: expected a whole number" in refusal(lambda m: describe(m, crop_size=0))


def test_a_missing_runtime_or_library_is_one_line(converted, predictor, monkeypatch, tmp_path):
    with pytest.raises(InputError, match="--runtime onnx: expected model.onnx in .*found none; us"):
        Predictor(predictor.path, "onnx")
    shutil.copy(converted / "model.onnx", tmp_path)
    with pytest.raises(InputError, match="--runtime saved-model: expected saved_model.pb in "):
        Predictor(str(tmp_path), "saved-model")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match="pip install 'onnxruntime<1.27'"):
        Predictor(str(tmp_path))


def test_a_file_that_cannot_be_decoded_is_refused(both):
    for model in both:
        with pytest.raises(InputError, match="an image cannot be decoded"):
            model.predict_bytes([b"garbage"])
