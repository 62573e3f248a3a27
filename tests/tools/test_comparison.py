import numpy as np
import pytest

from age_gender_estimation.errors import InputError
from tools import comparison


@pytest.fixture(scope="module")
def saved(script, trained, tmp_path_factory):
    """Answers as `make test-compat` keeps them."""
    path = tmp_path_factory.mktemp("compat") / "folder/answers.npz"
    script("compat.py", "--model-dir", trained[0], "--save", path)
    return path


def test_a_model_agrees_with_itself(script, trained, saved):
    done = script("compat.py", "--model-dir", trained[0], "--compare", saved)
    assert "largest differences from TensorFlow 2.15.1 on 64 drawn faces: age " in done.stdout
    assert "gender_probabilities" in done.stdout and "loaded in" in done.stdout


def test_one_other_answer_of_either_signature_is_found(script, trained, saved, tmp_path):
    version, faces, answers = comparison.load_answers(saved)
    answers["image_bytes/age"][5] += 0.02
    answers["image/gender_probabilities"][31] += 0.002
    comparison.save_answers(str(tmp_path / "x.npz"), version, faces, answers)
    done = script(
        "compat.py", "--model-dir", trained[0], "--compare", tmp_path / "x.npz", check=False
    )
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert ": age, gender_probabilities: expected the answers of TensorFlow 2.15.1" in done.stderr


def test_faces_come_back_as_they_were(saved):
    _, faces, answers = comparison.load_answers(saved)
    assert len(faces["image_bytes"]) == len(faces["image"]) == len(answers["image/age"]) == 32
    assert all(face.endswith(b"\xff\xd9") for face in faces["image_bytes"])
    assert len({len(face) for face in faces["image_bytes"]}) > 10  # of different sizes
    assert answers["image_bytes/age"].std() > 0.001  # a constant answer would agree with anything


def test_what_is_not_a_number_is_a_difference():
    answers = {"image/age": np.array([1.0, 2.0])}
    differences = comparison.largest_differences(answers, {"image/age": np.array([1.0, np.nan])})
    assert not differences["age"] <= comparison.tolerance("age")
    assert (
        comparison.tolerance("probability_under_18")
        == comparison.tolerance("race_probabilities")
        == 0.001
    )


def test_other_files_and_models_are_refused(saved, tmp_path):
    for name, content in (
        ("garbage.npz", b"garbage"),
        ("empty.npz", b""),
        ("cut.npz", saved.read_bytes()[:5000]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            InputError, match="expected answers that compare_answers.py --save wrote"
        ):
            comparison.load_answers(tmp_path / name)
    with pytest.raises(InputError, match="none.npz"):
        comparison.load_answers(tmp_path / "none.npz")
    with pytest.raises(InputError, match="compare one model with itself"):
        comparison.largest_differences(
            {"image/age": np.zeros(2)}, {"image/age": np.zeros(2), "image/race": np.zeros(2)}
        )
