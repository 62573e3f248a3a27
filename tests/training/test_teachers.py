"""Teachers: their answers per row, and what a model learns from them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.csv_rows import read_rows
from age_gender_estimation.data.manifest import open_manifest
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.head import mean_divergence
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.teachers import add_answers


def test_divergence_by_hand_and_its_gradient():
    heads = make_heads(HParams(tasks=("gender", "race"), loss_weights=("race=3",)))
    answers = {
        "gender": tf.constant([[0.5, 0.5], [1.0, 0.0]]),
        "race": tf.constant([[0.2] * 5, [0.2] * 5]),
    }
    logits = {"gender": tf.math.log([[0.25, 0.75], [0.5, 0.5]]), "race": tf.zeros([2, 5])}
    # Gender: 0.5 log(0.5 / 0.25) + 0.5 log(0.5 / 0.75), and log(1 / 0.5); race is equal.
    gender = (0.5 * np.log(2) + 0.5 * np.log(2 / 3) + np.log(2)) / 2
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = mean_divergence(heads, answers, logits)
    assert float(loss) == pytest.approx(gender / 4, rel=1e-5)
    # (p - answer) / 2 rows, times the head's weight 1 of 4.
    slopes = tape.gradient(loss, logits["gender"])
    np.testing.assert_allclose(slopes, [[-0.25 / 8, 0.25 / 8], [-0.5 / 8, 0.5 / 8]], atol=1e-6)


@pytest.fixture
def heads():
    return make_heads(HParams(tasks=("age", "gender"), backbone="cnn"))


@pytest.fixture
def manifest(crops):
    return open_manifest(str(crops / "train.csv"), str(crops / "crop"))


def test_each_row_has_the_answer_for_its_own_crop(manifest, heads, trained, predictor, tmp_path):
    part = dataclasses.replace(manifest, filenames=manifest.filenames[:5], rows=manifest.rows[:5])
    part = dataclasses.replace(part, labels={t: c[:5] for t, c in part.labels.items()})
    (taught,) = add_answers([part], [str(trained[0])], heads, ModelFolder(tmp_path))
    rows = list(read_rows([taught], ("age",)).as_numpy_iterator())
    assert len(rows) == 5
    for path, labels in rows:
        with open(path, "rb") as file:
            outputs = predictor.predict_bytes([file.read()])
        for name in heads:
            expected = outputs[heads[name].probabilities][0]
            np.testing.assert_allclose(labels[f"{name}_answers"], expected, atol=1e-3)


def test_two_lists_and_two_teachers(manifest, heads, trained, tmp_path):
    folder = ModelFolder(tmp_path)
    once = add_answers([manifest, manifest], [str(trained[0])], heads, folder)
    np.testing.assert_array_equal(once[0].answers["age"], once[1].answers["age"])
    assert once[0].answers["age"].shape == (manifest.num_rows, 101)
    both = add_answers([manifest], [str(trained[0])] * 2, heads, folder)
    np.testing.assert_allclose(both[0].answers["age"], once[0].answers["age"], atol=1e-3)


def test_answers_are_kept_until_the_rows_change(manifest, heads, trained, tmp_path, monkeypatch):
    folder, teachers = ModelFolder(tmp_path), [str(trained[0])]
    first = add_answers([manifest], teachers, heads, folder)[0].answers
    monkeypatch.setattr(tf.saved_model, "load", lambda path: pytest.fail("computed again"))
    again = add_answers([manifest], teachers, heads, folder)[0].answers
    np.testing.assert_array_equal(again["gender"], first["gender"])
    with pytest.raises(pytest.fail.Exception, match="computed again"):
        add_answers([dataclasses.replace(manifest, sha256="x")], teachers, heads, folder)


def test_no_teacher_leaves_the_manifests_alone(manifest, heads, tmp_path):
    assert add_answers([manifest], (), heads, ModelFolder(tmp_path)) == [manifest]
    assert not list(tmp_path.iterdir())


def test_a_teacher_with_other_classes_or_none_is_refused(manifest, trained, tmp_path):
    race = make_heads(HParams(tasks=("race",)))
    with pytest.raises(SettingError, match="--teacher: expected an export with classes of race"):
        add_answers([manifest], [str(trained[0])], race, ModelFolder(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(InputError, match="--teacher: expected exports with their weights"):
        add_answers([manifest], [str(tmp_path)], race, ModelFolder(tmp_path))


@pytest.mark.slow
def test_the_divergence_from_a_teacher_moves_the_weights(
    train_arguments, trained, tmp_path, script
):
    """Adam's steps depend on the direction of the gradient, which the teacher changes."""
    biases = []
    for weight in (0, 100):
        folder = tmp_path / str(weight)
        options = ["--teacher", trained[0], "--teacher-weight", weight, "--num-steps", 2]
        done = script("train.py", *train_arguments, "--model-dir", folder, *options)
        assert "teachers answer for age, gender" in done.stderr
        assert (folder / "teacher.npz").is_file()
        newest = tf.train.latest_checkpoint(str(folder))
        biases.append(tf.train.load_variable(newest, "gender_logits/bias"))
    assert np.abs(biases[1] - biases[0]).max() > 1e-4
