import os

import pytest
import tensorflow as tf

from age_gender_estimation.model.evaluations import Evaluations, keep_best, remove_unfinished


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


def test_a_best_one_that_does_not_fit_on_the_disk_leaves_the_one_before(tmp_path):
    best = tmp_path / "best"
    keep_best(save(tmp_path / "model", 1, 1), str(best))
    before = sorted(best.iterdir())
    os.symlink("/dev/full", best / "model.ckpt-2.data-00000-of-00001.tmp")  # where it is written first
    with pytest.raises(OSError, match="No space left on device"):
        keep_best(save(tmp_path / "model", 2, 2), str(best))
    assert sorted(best.iterdir()) == before and kept_value(best) == 1.0


def test_what_is_left_of_unfinished_checkpoints_is_removed(tmp_path):
    save(tmp_path, 1, 1)
    before = sorted(tmp_path.iterdir())
    (tmp_path / "model.ckpt-2_temp").mkdir()
    (tmp_path / "model.ckpt-2_temp" / "part-00000-of-00001.data-00000-of-00001.tempstate1").write_bytes(b"x")
    remove_unfinished(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == before
