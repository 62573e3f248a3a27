"""Comparing two versions of TensorFlow (make test-compat), with one version on both sides."""

import numpy as np
import pytest

from age_gender_estimation.cli.run import exit_code_of
from age_gender_estimation.errors import InputError
from tools import compat


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    """A file that --save wrote."""
    path = tmp_path_factory.mktemp("compat") / "folder/answers.npz"
    compat.main(["--model-dir", str(trained[0]), "--save", str(path)])
    return path


def test_a_model_agrees_with_itself(trained, saved, capsys):
    compat.main(["--model-dir", str(trained[0]), "--compare", str(saved)])
    out = capsys.readouterr().out
    assert "largest differences from TensorFlow 2.15.1 on 64 drawn faces: age " in out
    assert "gender_probabilities" in out and "loaded in" in out


def test_the_onnx_file_is_compared_too(converted, saved, capsys):
    compat.main(["--model-dir", str(converted), "--compare", str(saved)])
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["saved-model", "onnx"]


def test_one_other_prediction_of_either_signature_is_found(trained, saved, tmp_path, capsys):
    version, faces, predictions = compat.load_predictions(saved)
    predictions["image_bytes/age"][5] += 0.02
    predictions["image/gender_probabilities"][31] += 0.002
    path = str(tmp_path / "x.npz")
    compat.save_predictions(path, version, faces, predictions)
    arguments = ["--model-dir", str(trained[0]), "--compare", path]
    assert exit_code_of(lambda: compat.main(arguments)) == 1
    errors = capsys.readouterr().err
    assert len(errors.splitlines()) == 1
    wrong = ": age, gender_probabilities: expected the predictions of TensorFlow 2.15.1"
    assert wrong in errors


def test_faces_are_read_as_they_were_written(saved):
    _, faces, predictions = compat.load_predictions(saved)
    assert len(faces["image_bytes"]) == len(faces["image"]) == len(predictions["image/age"]) == 32
    assert all(face.endswith(b"\xff\xd9") for face in faces["image_bytes"])
    assert len({len(face) for face in faces["image_bytes"]}) > 10  # of different sizes
    # A constant prediction would agree with anything.
    assert predictions["image/age"].std() > 0.001


def test_not_a_number_is_a_difference():
    differences = compat.largest_differences(
        {"image/age": np.array([1.0, 2.0])}, {"image/age": np.array([1.0, np.nan])}
    )
    assert not differences["age"] <= compat.tolerance("age")


def test_probabilities_have_a_tolerance_of_their_own():
    assert compat.tolerance("probability_under_18") == 0.001
    assert compat.tolerance("race_probabilities") == 0.001


def test_other_files_and_models_are_refused(saved, tmp_path):
    contents = {"garbage.npz": b"garbage", "empty.npz": b"", "cut.npz": saved.read_bytes()[:5000]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match="expected a file that tools.compat --save wrote"):
            compat.load_predictions(tmp_path / name)
    with pytest.raises(InputError, match="none.npz"):
        compat.load_predictions(tmp_path / "none.npz")
    with pytest.raises(InputError, match="compare one model with itself"):
        compat.largest_differences(
            {"image/age": np.zeros(2)}, {"image/age": np.zeros(2), "image/race": np.zeros(2)}
        )
