import itertools
import os
import shutil
import signal
import sys

import pytest

from age_gender_estimation.storage import files, model_folder
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training import checkpoint_history
from age_gender_estimation.training.checkpoint_history import CheckpointHistory
from tests.storage.test_model_folder import kept_value, save

TRACED = [module.__file__ for module in (checkpoint_history, model_folder, files, shutil)]


def evaluated(folder, metrics, is_stopping=False):
    """Evaluates the newest checkpoint; returns a new history, as after a restart."""
    history = CheckpointHistory(ModelFolder(folder), lambda hooks: metrics, lambda: is_stopping)
    history.evaluate_newest()
    return history


def test_the_lowest_val_loss_is_kept_and_the_history_survives_a_restart(tmp_path):
    losses = {1: 3.0, 2: 1.0, 3: 2.0, 4: 1.0}
    for step, loss in losses.items():
        save(tmp_path, step, 10 * step)
        history = evaluated(tmp_path, {"val_loss": loss, "loss": 9.0})
        history.evaluate_newest()  # once is enough
    assert [entry["step"] for entry in history.evaluations] == [1, 2, 3, 4]
    assert history.best()["step"] == 2 and history.num_since_best() == 2
    assert kept_value(tmp_path / "best") == 20.0
    assert "loss" not in history.evaluations[0]


def test_nan_is_never_the_best(tmp_path):
    for step, loss in ((1, float("nan")), (2, 5.0), (3, float("nan"))):
        save(tmp_path, step, 10 * step)
        history = evaluated(tmp_path, {"val_loss": loss})
    assert history.best()["step"] == 2 and kept_value(tmp_path / "best") == 20.0


def test_an_evaluation_that_was_cut_short_does_not_count(tmp_path):
    save(tmp_path, 1, 1)
    history = evaluated(tmp_path, {"val_loss": 0.0}, is_stopping=True)
    assert history.evaluations == [] and not (tmp_path / "best").exists()


def killed_at_line(number, function):
    """Calls `function` in a process that ends, without flushing, before its n-th line that writes.

    Returns whether it came to that. Copying and renaming are in the lines that count.
    """
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 9)
        return os.WEXITSTATUS(status) == 9
    signal.alarm(60)
    lines = itertools.count(1)

    def trace(frame, event, _):
        if frame.f_code.co_filename not in TRACED:
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


@pytest.mark.slow
@pytest.mark.parametrize("is_copied_already", [False, True])
def test_killed_at_any_line_the_best_checkpoint_and_the_history_can_be_read(
    tmp_path, is_copied_already
):
    def evaluate(folder, loss):
        evaluated(folder, {"val_loss": loss})

    save(tmp_path / "start", 1, 10)
    evaluate(tmp_path / "start", 3.0)
    newest = save(tmp_path / "start", 2, 20)
    if is_copied_already:  # by a training that was killed before it could write its eval.json
        ModelFolder(tmp_path / "start").keep_best(newest)
    for number in itertools.count(1):
        # Moved into one place, as checkpoints name each other by their full paths.
        shutil.copytree(tmp_path / "start", tmp_path / "copy")
        (tmp_path / "copy/checkpoint").write_text('model_checkpoint_path: "model.ckpt-2"\n')
        is_killed = killed_at_line(number, lambda: evaluate(tmp_path / "copy", 1.0))
        assert kept_value(tmp_path / "copy/best") in (10.0, 20.0)
        folder = ModelFolder(tmp_path / "copy")
        assert [entry["step"] for entry in folder.read_evaluations()] in ([1], [1, 2])
        evaluate(tmp_path / "copy", 1.0)
        assert kept_value(tmp_path / "copy/best") == 20.0 and len(folder.read_evaluations()) == 2
        assert len(os.listdir(tmp_path / "copy/best")) == 3
        shutil.rmtree(tmp_path / "copy")
        if not is_killed:
            break
    assert number > 50
