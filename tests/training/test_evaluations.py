import itertools
import os
import shutil
import signal
import sys

import pytest
import tensorflow as tf

from age_gender_estimation.storage import files
from age_gender_estimation.training import evaluations as module
from age_gender_estimation.training.evaluations import (
    Evaluations,
    keep_best,
    load_history,
    remove_unfinished,
)


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
        evaluations = Evaluations(
            str(tmp_path), lambda hooks, loss=loss: {"val_loss": loss}, lambda: False
        )
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
        keep_best(
            save(tmp_path / "model", step, step), "best" if is_relative else str(tmp_path / "best")
        )
    assert kept_value("best") == 2.0
    moved = tmp_path / "moved"
    os.rename(tmp_path / "best", moved)
    assert kept_value(moved) == 2.0
    assert len(list(moved.iterdir())) == 3  # index, data, checkpoint


def killed_at_line(number, function):
    """Calls it in a process that ends, without a word and without flushing, before its n-th line that writes files;
    returns whether it came to that. Copying and renaming are in the lines that count."""
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 9)
        return os.WEXITSTATUS(status) == 9
    signal.alarm(60)
    lines = itertools.count(1)

    def trace(frame, event, _):
        if frame.f_code.co_filename not in (module.__file__, files.__file__, shutil.__file__):
            return None
        if event == "line" and next(lines) == number:
            os._exit(9)
        return trace

    try:
        sys.settrace(trace)
        function()
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.parametrize("is_copied_already", [False, True])
def test_killed_at_any_line_the_best_checkpoint_and_the_history_can_be_read(
    tmp_path, is_copied_already
):
    def evaluate(folder, loss):
        Evaluations(str(folder), lambda hooks: {"val_loss": loss}, lambda: False).evaluate_newest()

    save(tmp_path / "start", 1, 10)
    evaluate(tmp_path / "start", 3.0)
    newest = save(tmp_path / "start", 2, 20)
    if is_copied_already:  # by a run that was killed before it could write its eval.json
        keep_best(newest, tmp_path / "start/best")
    for number in itertools.count(1):
        # Moved into one place, as checkpoints name each other by their full paths.
        shutil.copytree(tmp_path / "start", tmp_path / "copy")
        (tmp_path / "copy/checkpoint").write_text('model_checkpoint_path: "model.ckpt-2"\n')
        is_killed = killed_at_line(number, lambda: evaluate(tmp_path / "copy", 1.0))
        assert kept_value(tmp_path / "copy/best") in (10.0, 20.0)
        assert [entry["step"] for entry in load_history(tmp_path / "copy")] in ([1], [1, 2])
        evaluate(tmp_path / "copy", 1.0)
        assert (
            kept_value(tmp_path / "copy/best") == 20.0 and len(load_history(tmp_path / "copy")) == 2
        )
        assert len(os.listdir(tmp_path / "copy/best")) == 3
        shutil.rmtree(tmp_path / "copy")
        if not is_killed:
            break
    assert number > 50


def test_a_best_one_that_does_not_fit_on_the_disk_leaves_the_one_before(tmp_path):
    best = tmp_path / "best"
    keep_best(save(tmp_path / "model", 1, 1), str(best))
    before = sorted(best.iterdir())
    os.symlink(
        "/dev/full", best / "model.ckpt-2.data-00000-of-00001.tmp"
    )  # where it is written first
    with pytest.raises(OSError, match="No space left on device"):
        keep_best(save(tmp_path / "model", 2, 2), str(best))
    assert sorted(best.iterdir()) == before and kept_value(best) == 1.0


def test_what_is_left_of_unfinished_checkpoints_is_removed(tmp_path):
    save(tmp_path, 1, 1)
    before = sorted(tmp_path.iterdir())
    (tmp_path / "model.ckpt-2_temp").mkdir()
    (
        tmp_path / "model.ckpt-2_temp" / "part-00000-of-00001.data-00000-of-00001.tempstate1"
    ).write_bytes(b"x")
    (tmp_path / "checkpoint.tmp0a").write_bytes(b"x")
    remove_unfinished(str(tmp_path))
    assert sorted(tmp_path.iterdir()) == before
