"""Real trainings of a few steps: what a user sees, what is saved, and what a stop does."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.data.images import read_image
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.networks.backbones import BACKBONES, Backbone, to_unit_range
from age_gender_estimation.networks.network import write_start
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.training.estimator import make_estimator
from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.run import require_device
from tests.conftest import ROOT
from tests.training.test_estimator import build_tiny


def test_progress_evaluations_and_export_are_shown_without_chatter(trained):
    lines = trained[1].stderr.splitlines()
    assert lines[0].startswith("training on ")
    assert any(
        line.startswith("step 4 of 12 | ") and "examples/s" in line and "left | loss age " in line
        for line in lines
    )
    assert sum("evaluated | age_loss" in line for line in lines) == 2
    assert lines[-1].startswith("not calibrated: ")
    # Eight faces of one gender choose the checkpoint.
    doubts = [line for line in lines if "is right" in line or "mostly chance" in line]
    assert len(doubts) == 2
    # And these: the device, three progress lines, two evaluations, the last line.
    assert len(lines) == 7 + len(doubts), trained[1].stderr
    best, exported = trained[1].stdout.splitlines()
    assert best.startswith("best: step ") and exported.startswith("exported: model/serving/")


def test_model_folder_holds_what_the_contract_says(trained):
    folder = trained[0]
    history = json.loads((folder / "eval.json").read_text())
    assert [entry["step"] for entry in history["evaluations"]] == [6, 12]
    assert {
        "val_loss",
        "age_mae",
        "age_rmse",
        "age_median_mae",
        "gender_accuracy",
        "age_loss",
        "gender_loss",
    } < set(history["evaluations"][0])
    assert json.loads((folder / "hparams.json").read_text())["tasks"] == ["age", "gender"]
    best = tf.train.latest_checkpoint(folder / "best")
    assert best.endswith(f"-{history['best_step']}")
    assert list(folder.glob("events*")) and list((folder / "eval").glob("events*"))


def test_val_loss_is_the_mean_of_the_heads_losses_over_all_examples(trained):
    for entry in json.loads((trained[0] / "eval.json").read_text())["evaluations"]:
        assert entry["val_loss"] == pytest.approx(
            (entry["age_loss"] + entry["gender_loss"]) / 2, rel=1e-5
        )


def start(arguments, folder, *more):
    command = [
        sys.executable,
        str(ROOT / "bin/train.py"),
        *map(str, arguments),
        "--model-dir",
        str(folder),
        *map(str, more),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process, text):
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{text!r} never came")


def test_a_killed_training_is_resumed_and_ends_with_its_export(train_arguments, tmp_path, script):
    process = start(train_arguments, tmp_path, "--num-steps", 100_000)
    wait_for(process, "step 12 evaluated")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    step = int(tf.train.latest_checkpoint(tmp_path).rpartition("-")[2])
    assert step >= 12
    # What TensorFlow leaves if killed while it writes a checkpoint, the list of them, or an export.
    unfinished = [f"model.ckpt-{step + 1}_temp", "checkpoint.tmp0a", "serving/temp-1"]
    for name in unfinished:
        (tmp_path / name).mkdir(parents=True)
    done = script("train.py", *train_arguments, "--model-dir", tmp_path, "--num-steps", step + 6)
    assert not [name for name in unfinished if (tmp_path / name).exists()]
    assert (
        f"resuming from step {step} in" in done.stderr
        and f"step {step + 6} evaluated" in done.stderr
    )
    history = [
        entry["step"] for entry in json.loads((tmp_path / "eval.json").read_text())["evaluations"]
    ]
    assert history[:2] == [6, 12] and history[-1] == step + 6 and len(set(history)) == len(history)
    assert (tmp_path / "serving").is_dir()
    # Killed between its last checkpoint and its evaluation, it evaluates and exports all the same.
    (tmp_path / "eval.json").unlink()
    done = script("train.py", *train_arguments, "--model-dir", tmp_path, "--num-steps", step + 6)
    assert f"best: step {step + 6}" in done.stdout and "exported: " in done.stdout
    again = script(
        "train.py",
        *train_arguments,
        "--model-dir",
        tmp_path,
        "--num-steps",
        step + 6,
        "--img-size",
        40,
        check=False,
    )
    assert again.returncode == 1 and "was trained with --img-size 32, got 40" in again.stderr


def test_a_folder_takes_one_training_at_a_time(train_arguments, tmp_path, script):
    arguments = ["train.py", *train_arguments, "--model-dir", tmp_path, "--num-steps", 2]
    with ModelFolder(tmp_path).lock():
        second = script(*arguments, check=False)
    line = f"error: {tmp_path}: another training is running in it"
    assert second.returncode == 1 and line in second.stderr
    assert not (tmp_path / "hparams.json").exists()


def test_sigterm_saves_a_checkpoint_and_exits_with_143(train_arguments, tmp_path):
    process = start([*train_arguments, "--eval-steps", 100_000], tmp_path, "--num-steps", 100_000)
    wait_for(process, "step 8 of")
    sent = time.monotonic()
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143 and time.monotonic() - sent < 10
    assert f"stopped; the same command resumes {tmp_path}" in errors and "Traceback" not in errors
    assert int(tf.train.latest_checkpoint(tmp_path).rpartition("-")[2]) >= 8
    assert not (tmp_path / "serving").exists()


def test_nan_loss_stops_with_what_to_do(train_arguments, tmp_path, script):
    done = script(
        "train.py",
        *train_arguments,
        "--model-dir",
        tmp_path,
        "--num-steps",
        60,
        "--learning-rate",
        "1e30",
        check=False,
    )
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(
        "error: the loss became NaN; lower --learning-rate"
    )


def test_early_stopping_ends_before_num_steps(train_arguments, tmp_path, script):
    # At so high a rate the loss jumps up and down: one evaluation without progress comes soon.
    done = script(
        "train.py",
        *train_arguments,
        "--model-dir",
        tmp_path,
        "--num-steps",
        90,
        "--eval-steps",
        3,
        "--learning-rate",
        0.1,
        "--early-stopping",
        1,
        "--tasks",
        "gender",
    )
    history = json.loads((tmp_path / "eval.json").read_text())
    losses = [entry["val_loss"] for entry in history["evaluations"]]
    assert (
        history["evaluations"][-1]["step"] < 90
        and "stopping early: 1 evaluations without" in done.stderr
    )
    assert losses[-1] >= losses[-2] and all(
        later < earlier for earlier, later in zip(losses[:-2], losses[1:-1])
    )
    assert "age_mae" not in history["evaluations"][0] and (tmp_path / "serving").is_dir()
    # The same command once more has nothing to train; with more patience it goes on.
    command = [
        "train.py",
        *train_arguments,
        "--model-dir",
        tmp_path,
        "--eval-steps",
        3,
        "--tasks",
        "gender",
    ]
    done = script(*command, "--num-steps", 90, "--early-stopping", 1)
    assert "stopped early before: 1 evaluations" in done.stderr and "exported: " in done.stdout
    assert json.loads((tmp_path / "eval.json").read_text()) == history
    last = history["evaluations"][-1]["step"]
    script(*command, "--num-steps", last + 3, "--early-stopping", 50)
    assert json.loads((tmp_path / "eval.json").read_text())["evaluations"][-1]["step"] == last + 3
    # The loss of other faces cannot be compared with those before.
    (tmp_path / "val.csv").write_bytes(
        (train_arguments[5]).read_bytes().rpartition(b"\n0")[0] + b"\n"
    )
    done = script(*command, "--num-steps", last + 6, "--val-csv", tmp_path / "val.csv", check=False)
    assert (
        done.returncode == 1
        and "was evaluated on other rows than those of --val-csv" in done.stderr
    )


def test_backbone_starts_from_a_weights_file(crops, tmp_path, monkeypatch):
    backbone = Backbone(build_tiny, to_unit_range)
    monkeypatch.setitem(BACKBONES, "cnn", backbone)
    hparams = HParams(
        tasks=("gender",), backbone="cnn", img_size=32, weights=str(tmp_path / "w.h5")
    )
    names = read_labelled_csv(crops / "val.csv").filenames[:4]
    images = tf.stack([read_image(str(crops / "crop" / name), 32) for name in names])
    images = tf.cast(images, tf.float32)
    model = backbone.build(32)
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.5, 1.5, each.shape) for each in model.get_weights()])
    model.save_weights(hparams.weights)
    expected = model(backbone.standardize(images), training=False).numpy()

    write_start(hparams, str(tmp_path / "start"))
    estimator = make_estimator(hparams, str(tmp_path / "model"), str(tmp_path / "start"))

    def no_training():  # the initial values are what is saved at step 0
        dataset = tf.data.Dataset.from_tensors(
            ({"image": images.numpy()}, {"gender": tf.constant([0, 1, 0, 1])})
        )
        return dataset.repeat()

    saver = tf.estimator.CheckpointSaverHook(str(tmp_path / "model"), save_steps=1)
    estimator.train(no_training, hooks=[saver], steps=1)
    tf.keras.backend.clear_session()
    restored = backbone.build(32)
    saved = tf.train.load_checkpoint(str(tmp_path / "model" / "model.ckpt-0"))
    restored.set_weights([saved.get_tensor(each.name.split(":")[0]) for each in restored.weights])
    np.testing.assert_allclose(
        restored(backbone.standardize(images), training=False), expected, rtol=1e-5
    )


@pytest.mark.parametrize(
    "flags, code, message",
    [
        (["--weights", "nowhere.h5"], 1, "found no file nowhere.h5"),
        (["--weights", "imagenet"], 2, "Keras has no ImageNet weights for cnn"),
        (["--backbone", "vgg"], 2, "--backbone: unknown 'vgg'; choose from: cnn, mobilenet_v2"),
        (
            ["--tasks", "age,race"],
            1,
            "the training CSV has no label of race to learn from; it labels: age, gender",
        ),
        (["--tasks", "height"], 2, "--tasks: unknown 'height'; choose from: age, gender, race"),
        (
            ["--loss-weights", "race=2", "--tasks", "age"],
            2,
            "--loss-weights race=2: it is not among the tasks age",
        ),
        (["--img-size", "4"], 2, "--img-size: cnn needs at least 8, got 4"),
        (
            ["--seed", str(2**32)],
            2,
            "--seed: expected 0 or more and at most 4294967295, got 4294967296",
        ),
        (["--num-steps", "0"], 2, "--num-steps: expected more than 0, got 0"),
        (["--val-csv", "nowhere.csv"], 1, "nowhere.csv: cannot be read"),
        (["--val-img-dir", "a", "b"], 2, "expected 1 or 1 image folders for 1 CSVs, got 2"),
        (["--img-dir", "nowhere"], 1, "nowhere: expected the folder of face crops"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(
    train_arguments, tmp_path, script, flags, code, message
):
    done = script("train.py", *train_arguments, "--model-dir", tmp_path, *flags, check=False)
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: ") and message in error and "Traceback" not in done.stderr
    assert done.returncode == code and not list(
        tmp_path.iterdir()
    )  # the corrected command finds nothing in its way


def test_a_missing_gpu_is_one_line(train_arguments, tmp_path, script, monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setenv("AGE_GENDER_DEVICE", "gpu")
    done = script("train.py", *train_arguments, "--model-dir", tmp_path, check=False)
    line = "error: --device gpu: expected a GPU, TensorFlow finds none"
    assert done.returncode == 1 and done.stderr.startswith(line)


def test_the_cpu_alone_hides_gpus_from_sessions_too(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    require_device("cpu")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "-1"


def test_sources_may_lie_in_several_folders_with_one_validation_csv(
    train_arguments, crops, tmp_path, script
):
    (tmp_path / "val.csv").write_text(
        "filename,gender\n" + read_labelled_csv(crops / "val.csv").filenames[0] + ",1\n"
    )
    sources = ["--train-csv", *[crops / "train.csv"] * 2, "--img-dir", *[crops / "crop"] * 2]
    more = ["--val-img-dir", crops / "crop", "--model-dir", tmp_path / "m", "--num-steps", 2]
    done = script("train.py", *train_arguments, *sources, *more)
    assert [
        source["file"] for source in json.loads((tmp_path / "m/data.json").read_text())["train"]
    ] == ["train.csv"] * 2
    assert done.stdout.startswith("best: step 2")
    more += ["--val-csv", tmp_path / "val.csv", "--model-dir", tmp_path / "other"]
    done = script("train.py", *train_arguments, *sources, *more, check=False)
    assert done.returncode == 1 and "the validation CSV has no label of age" in done.stderr


def test_an_image_that_cannot_be_decoded_is_named(tmp_path, script):
    (tmp_path / "a, b.jpg").write_bytes(b"garbage")
    (tmp_path / "m.csv").write_text('filename,gender\n"a, b.jpg",1\n')
    lists = [
        "--train-csv",
        tmp_path / "m.csv",
        "--val-csv",
        tmp_path / "m.csv",
        "--img-dir",
        tmp_path,
    ]
    small = [
        "--backbone",
        "cnn",
        "--img-size",
        32,
        "--batch-size",
        1,
        "--num-steps",
        1,
        "--model-dir",
        tmp_path / "m",
    ]
    done = script("train.py", *lists, *small, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert (
        f"training stopped: {tmp_path}/a, b.jpg cannot be decoded" in done.stderr.splitlines()[-1]
    )


def test_a_new_model_folder_starts_from_the_weights(train_arguments, tmp_path, script):
    with tf.Graph().as_default(), tf.compat.v1.Session():
        BACKBONES["cnn"].build(32).save_weights(str(tmp_path / "w.h5"))
    more = [
        "--model-dir",
        tmp_path / "new/m",
        "--weights",
        tmp_path / "w.h5",
        "--num-steps",
        1,
        "--body-rate",  # the earlier name of --backbone-rate
        0,
    ]
    done = script("train.py", *train_arguments, *more)
    assert "8 arrays of " in done.stderr and "none is left over" in done.stderr
    with h5py.File(tmp_path / "w.h5") as file:
        expected = file["conv2d/conv2d/kernel:0"][()]
    newest = tf.train.latest_checkpoint(tmp_path / "new/m")
    np.testing.assert_array_equal(tf.train.load_variable(newest, "conv2d/kernel"), expected)


def test_weights_of_another_network_are_refused(train_arguments, tmp_path, script):
    with tf.Graph().as_default(), tf.compat.v1.Session():
        BACKBONES["cnn"].build(48).save_weights(str(tmp_path / "w.h5"))
    done = script(
        "train.py",
        *train_arguments,
        "--model-dir",
        tmp_path / "m",
        "--weights",
        tmp_path / "w.h5",
        check=False,
    )
    assert done.returncode == 1 and "cannot be loaded into cnn" in done.stderr.splitlines()[-1]
    # 48 px leave 6x6 places of 128 channels in front of the dense layer, 32 px 4x4.
    assert done.stderr.endswith(
        "1 of 8 arrays do not fit: dense/kernel (2048, 1024): found (4608, 1024)\n"
    )
