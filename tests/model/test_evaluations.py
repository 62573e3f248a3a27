import os

import pytest
import tensorflow as tf

from age_gender_estimation.model.evaluations import Evaluations, keep_best


def save(folder, step, value):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("v", initializer=float(value))
        session.run(variable.initializer)
        saver = tf.compat.v1.train.Saver()
        saver.recover_last_checkpoints([f"{folder}/model.ckpt-{old}" for old in range(step)])
        return saver.save(session, f"{folder}/model.ckpt", global_step=step, write_meta_graph=False)


def kept_value(folder):
    return float(tf.train.load_variable(tf.train.latest_checkpoint(folder), "v"))


def test_the_lowest_val_loss_is_kept_and_the_history_survives_a_restart(tmp_path):
    losses = {1: 3.0, 2: 1.0, 3: 2.0, 4: 1.0}
    for step, loss in losses.items():
        save(tmp_path, step, 10 * step)
        # A new object each time is what a restarted training has.
        evaluations = Evaluations(
            str(tmp_path), lambda hooks, loss=loss: {"val_loss": loss, "loss": 9.0}, lambda: False
        )
        evaluations.evaluate_newest()
        evaluations.evaluate_newest()  # once is enough
    assert [entry["step"] for entry in evaluations.history] == [1, 2, 3, 4]
    assert evaluations.best()["step"] == 2 and evaluations.num_since_best() == 2
    assert kept_value(tmp_path / "best") == 20.0
    assert "loss" not in evaluations.history[0]


def test_nan_is_never_the_best(tmp_path):
    for step, loss in ((1, float("nan")), (2, 5.0), (3, float("nan"))):
        save(tmp_path, step, 10 * step)
        evaluations = Evaluations(str(tmp_path), lambda hooks, loss=loss: {"val_loss": loss}, lambda: False)
        evaluations.evaluate_newest()
    assert evaluations.best()["step"] == 2 and kept_value(tmp_path / "best") == 20.0


def test_an_evaluation_that_was_cut_short_does_not_count(tmp_path):
    save(tmp_path, 1, 1)
    evaluations = Evaluations(str(tmp_path), lambda hooks: {"val_loss": 0.0}, lambda: True)
    evaluations.evaluate_newest()
    assert evaluations.history == [] and not (tmp_path / "best").exists()


@pytest.mark.parametrize("is_relative", [False, True])
def test_best_holds_one_checkpoint_that_stands_alone(tmp_path, monkeypatch, is_relative):
    monkeypatch.chdir(tmp_path)
    for step in (1, 2):
        keep_best(save(tmp_path / "model", step, step), "best" if is_relative else str(tmp_path / "best"))
    assert kept_value("best") == 2.0
    moved = tmp_path / "moved"
    os.rename(tmp_path / "best", moved)
    assert kept_value(moved) == 2.0
    assert len(list(moved.iterdir())) == 3  # index, data, checkpoint
