"""The files of a model folder: what survives a full disk, a kill, a move, and damage."""

import os

import pytest
import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.model_folder import ModelFolder, read_calibration, step_of


def save(folder, step, value):
    """Writes a checkpoint of one number; returns its prefix."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        variable = tf.compat.v1.get_variable("v", initializer=float(value))
        session.run(variable.initializer)
        saver = tf.compat.v1.train.Saver()
        saver.recover_last_checkpoints([f"{folder}/model.ckpt-{old}" for old in range(step)])
        return saver.save(session, f"{folder}/model.ckpt", global_step=step, write_meta_graph=False)


def kept_value(folder):
    """Returns the number in the checkpoint of a folder."""
    return float(tf.train.load_variable(tf.train.latest_checkpoint(folder), "v"))


@pytest.mark.parametrize("is_relative", [False, True])
def test_best_holds_one_checkpoint_and_can_be_moved(tmp_path, monkeypatch, is_relative):
    monkeypatch.chdir(tmp_path)
    folder = ModelFolder("model" if is_relative else tmp_path / "model")
    for step in (1, 2):
        folder.keep_best(save(tmp_path / "model", step, step))
    assert kept_value("model/best") == 2.0
    moved = tmp_path / "moved"
    os.rename(tmp_path / "model/best", moved)
    assert kept_value(moved) == 2.0
    assert len(list(moved.iterdir())) == 3  # index, data, checkpoint


def test_a_best_checkpoint_that_does_not_fit_on_the_disk_leaves_the_one_before(tmp_path):
    best, folder = tmp_path / "best", ModelFolder(tmp_path)
    folder.keep_best(save(tmp_path, 1, 1))
    before = sorted(best.iterdir())
    # Where it is written first.
    os.symlink("/dev/full", best / "model.ckpt-2.data-00000-of-00001.tmp")
    with pytest.raises(OSError, match="No space left on device"):
        folder.keep_best(save(tmp_path, 2, 2))
    assert sorted(best.iterdir()) == before and kept_value(best) == 1.0


def test_unfinished_checkpoints_and_exports_are_removed(tmp_path):
    save(tmp_path, 1, 1)
    (tmp_path / "serving").mkdir()
    before = sorted(tmp_path.rglob("*"))
    unfinished = tmp_path / "model.ckpt-2_temp"
    unfinished.mkdir()
    (unfinished / "part-00000-of-00001.data-00000-of-00001.tempstate1").write_bytes(b"x")
    (tmp_path / "checkpoint.tmp0a").write_bytes(b"x")
    (tmp_path / "serving/temp-1").mkdir()
    folder = ModelFolder(tmp_path)
    folder.remove_unfinished_checkpoints()
    assert (tmp_path / "serving/temp-1").is_dir()
    folder.remove_unfinished_exports()
    assert sorted(tmp_path.rglob("*")) == before


def test_the_newest_export_is_found_from_each_folder_that_holds_it(tmp_path):
    for name in ("9", "10", "temp-11", "12"):
        (tmp_path / "model/serving" / name).mkdir(parents=True)
        if name != "12":  # one that is being renamed in a bucket
            (tmp_path / "model/serving" / name / "saved_model.pb").touch()
    newest = str(tmp_path / "model/serving/10")
    for path in (tmp_path / "model", tmp_path / "model/serving", f"{tmp_path}/model/serving/"):
        assert os.path.samefile(ModelFolder(path).newest_export(), newest)
    assert ModelFolder(newest).newest_export() == newest
    with pytest.raises(InputError, match="expected an exported model or a model folder with"):
        ModelFolder(tmp_path).newest_export()


def test_without_evaluations_the_newest_checkpoint_is_the_best(tmp_path):
    folder = ModelFolder(tmp_path)
    with pytest.raises(InputError, match=f"{tmp_path}: expected a checkpoint, found none"):
        folder.best_checkpoint()
    folder.keep_best(save(tmp_path, 1, 1))
    save(tmp_path, 2, 2)
    assert step_of(folder.best_checkpoint()) == 2
    folder.write_evaluations(1, [{"step": 1, "val_loss": 0.5}, {"step": 2, "val_loss": 0.7}])
    assert folder.best_checkpoint() == f"{tmp_path}/best/model.ckpt-1"


def test_what_was_never_written_is_empty(tmp_path):
    assert ModelFolder(tmp_path / "new").read_evaluations() == []
    assert read_calibration(f"{tmp_path}/model.ckpt-1", dict) == {}
    assert step_of(None) == 0


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("hparams.json", "{", "JSONDecodeError"),
        ("data.json", "[]", "TypeError"),
        ("eval.json", "{}", "KeyError: 'evaluations'"),
        ("model.ckpt-1.calibration.json", "[", "JSONDecodeError"),
    ],
)
def test_damaged_files_are_refused_with_one_message(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    folder = ModelFolder(tmp_path)
    readers = {
        "hparams.json": folder.read_hparams,
        "data.json": lambda: folder.read_data(lambda data: data["train"]),
        "eval.json": folder.read_evaluations,
    }
    with pytest.raises(InputError, match=f"{name}: expected what this version.*{reason}"):
        readers.get(name, lambda: read_calibration(folder.join("model.ckpt-1"), dict))()
