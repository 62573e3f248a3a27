import json
import shutil

import numpy as np
import onnx
import onnxruntime
import pytest

from age_gender_estimation.errors import InputError
from age_gender_estimation.export import onnx_file
from age_gender_estimation.export.check import (
    Limits,
    check_answers,
    differences,
    drawn_images,
    read_faces,
)

LIMITS = Limits(years=0.1, probability=0.01, whole_years=1.0)


def test_other_programs_can_use_the_file(converted, predictor):
    """With onnxruntime alone: any batch size, float pixels, named outputs, checked by onnx."""
    model = onnx.load(converted / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert json.loads(model.metadata_props[0].value) == predictor.description
    session = onnxruntime.InferenceSession(converted / "model.onnx")
    (image,) = session.get_inputs()
    assert (image.name, image.type) == ("image", "tensor(float)")
    assert isinstance(image.shape[0], str) and image.shape[1:] == [32, 32, 3]
    names = [output.name for output in session.get_outputs()]
    pixels = drawn_images(32)
    expected = predictor.predict_images(pixels)
    assert set(names) == set(expected)
    for batch in (1, 3, len(pixels)):
        answers = session.run(names, {"image": pixels[:batch].astype(np.float32)})
        for name, values in zip(names, answers):
            np.testing.assert_allclose(values, expected[name][:batch], atol=1e-4, err_msg=name)


def test_a_converted_model_that_deviates_is_not_written(predictor, monkeypatch, tmp_path):
    shutil.copytree(predictor.path, tmp_path / "export")
    before = sorted(tmp_path.rglob("*"))
    convert = onnx_file.convert

    def wrong(export):
        model = onnx.load_from_string(convert(export))
        weights = next(each for each in model.graph.initializer if len(each.dims) == 4)
        values = onnx.numpy_helper.to_array(weights)
        weights.CopyFrom(onnx.numpy_helper.from_array(values * 1.5, weights.name))
        return model.SerializeToString()

    monkeypatch.setattr(onnx_file, "convert", wrong)
    with pytest.raises(InputError, match=r"model.onnx is not written: .* age by .*at most 0.001"):
        onnx_file.export_onnx(str(tmp_path / "export"), drawn_images(32))
    assert sorted(tmp_path.rglob("*")) == before


def test_what_is_no_saved_model_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected a SavedModel exported by this project"):
        onnx_file.export_onnx(str(tmp_path), drawn_images(32))


def test_differences_are_the_largest_ones():
    expected = {"age": np.array([20.0, 30.0]), "gender_probabilities": np.array([[0.5, 0.5]] * 2)}
    actual = {"age": np.array([20.05, 29.91]), "gender_probabilities": np.array([[0.5, 0.504]] * 2)}
    found = differences(expected, actual)
    assert found["age"] == pytest.approx(0.09)
    assert found["gender_probabilities"] == pytest.approx(0.004)
    check_answers("x", expected, actual, LIMITS)


@pytest.mark.parametrize(
    "output, value, is_refused",
    [
        ("age", 20.11, True),
        ("age", np.nan, True),
        ("probability_under_18", 0.02, True),
        ("age_median", 1.0, False),
        ("age_median", 2.0, True),
    ],
)
def test_each_output_has_its_limit(output, value, is_refused):
    expected = {output: np.array([20.0 if output == "age" else 0.0])}
    if not is_refused:
        check_answers("x.onnx", expected, {output: np.array([value])}, LIMITS)
        return
    with pytest.raises(InputError, match=f"x.onnx is not written: .* {output} by ") as caught:
        check_answers("x.onnx", expected, {output: np.array([value])}, LIMITS)
    assert "\n" not in str(caught.value)


def test_other_outputs_are_refused():
    with pytest.raises(InputError, match=r"expected the outputs \['age'\], got \['years'\]"):
        check_answers("x", {"age": np.zeros(1)}, {"years": np.zeros(1)}, LIMITS)


def test_faces_are_spread_over_the_list(crops):
    paths = sorted(map(str, (crops / "crop").rglob("*.jpg")))
    faces = read_faces(paths, 32, 5)
    assert faces.shape == (5, 32, 32, 3) and len({face.tobytes() for face in faces}) == 5
    np.testing.assert_array_equal(faces[[0, 4]], read_faces([paths[0], paths[-1]], 32, 9))
    with pytest.raises(InputError, match="none.jpg: cannot be read"):
        read_faces(["none.jpg"], 32, 1)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["mobile_facenet", "edgeface_xs"])
def test_both_shipped_backbones_convert_to_every_format(
    script, train_arguments, crops, backbone, tmp_path
):
    arguments = [*train_arguments, "--backbone", backbone, "--num-steps", 1]
    script("train.py", *arguments, "--model-dir", tmp_path / "model")
    (export,) = (tmp_path / "model/serving").iterdir()
    done = script(
        "export.py", "--model-dir", export, "--format", "all", "--img-dir", crops / "crop"
    )
    written = [export / "model.onnx", export / "tflite/model.tflite"]
    assert done.stdout.splitlines() == [f"exported: {path}" for path in written]
    assert all(path.stat().st_size > 10**6 for path in written)
