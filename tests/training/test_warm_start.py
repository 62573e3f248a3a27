"""Training that starts from another model's export."""

import json

import numpy as np
import pytest
import tensorflow as tf


@pytest.fixture
def warm_arguments(trained, crops, tmp_path):
    """A command line without the architecture, with a step too small to change a weight."""
    lists = [
        "--train-csv",
        crops / "train.csv",
        "--val-csv",
        crops / "val.csv",
        "--img-dir",
        crops / "crop",
    ]
    tiny = ["--batch-size", 8, "--num-steps", 1, "--learning-rate", 1e-12]
    return [*lists, *tiny, "--warm-start", trained[0], "--model-dir", tmp_path / "model"]


def variables(folder):
    newest = tf.train.latest_checkpoint(folder)
    return {
        name: tf.train.load_variable(newest, name) for name, _ in tf.train.list_variables(newest)
    }


def test_all_weights_and_the_architecture_are_inherited(warm_arguments, trained, tmp_path, script):
    done = script("train.py", *warm_arguments)
    saved = json.loads((tmp_path / "model/hparams.json").read_text())
    assert (saved["backbone"], saved["img_size"]) == ("cnn", 32) and "left out" not in done.stderr
    before, after = variables(trained[0] / "best"), variables(tmp_path / "model")
    weights = [name for name in before if "Adam" not in name and before[name].ndim]
    assert (
        len(weights) == 16
    )  # 3 convolutions, 1 dense layer, 2 heads with a hidden layer; each a kernel and a bias
    for name in weights:
        np.testing.assert_allclose(after[name], before[name], atol=1e-9, err_msg=name)


@pytest.mark.slow
def test_moving_averages_are_inherited_as_weights(
    warm_arguments, train_arguments, tmp_path, script
):
    script(
        "train.py",
        *train_arguments,
        "--model-dir",
        tmp_path / "ema",
        "--num-steps",
        6,
        "--ema",
        0.5,
    )
    done = script("train.py", *warm_arguments, "--warm-start", tmp_path / "ema")
    assert "left out" not in done.stderr
    before, after = variables(tmp_path / "ema/best"), variables(tmp_path / "model")
    name, average = "age_logits/kernel", "age_logits/kernel/ExponentialMovingAverage"
    assert np.abs(before[name] - before[average]).max() > 1e-5
    for each in (name, average):  # the new run's averages begin there too
        np.testing.assert_allclose(after[each], before[average], atol=1e-9)


def test_a_head_of_another_size_starts_anew_and_is_named(warm_arguments, trained, tmp_path, script):
    done = script("train.py", *warm_arguments, "--max-age", 50)
    assert "left out: age_logits/bias, age_logits/kernel\n" in done.stderr
    before, after = variables(trained[0] / "best"), variables(tmp_path / "model")
    assert after["age_logits/kernel"].shape == (1024, 51)
    np.testing.assert_allclose(
        after["gender_logits/kernel"], before["gender_logits/kernel"], atol=1e-9
    )


@pytest.mark.parametrize(
    "more, code, message",
    [
        (
            ["--backbone", "mobilenet_v2"],
            2,
            "--backbone: {trained} has cnn, got mobilenet_v2; leave it out",
        ),
        (["--weights", "imagenet"], 2, "expected one of --weights and --warm-start"),
        (["--warm-start", "nowhere"], 1, "nowhere: expected an exported model or a model folder"),
    ],
)
def test_what_cannot_be_started_from_is_refused(
    warm_arguments, trained, tmp_path, script, more, code, message
):
    done = script("train.py", *warm_arguments, *more, check=False)
    assert (
        done.returncode == code
        and message.format(trained=trained[0]) in done.stderr.splitlines()[-1]
    )
    assert not (tmp_path / "model").exists()
