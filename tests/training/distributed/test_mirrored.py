"""One step of the real model_fn on two logical CPU devices against the same step on one.

The devices have to be set up before TensorFlow starts, so this file runs itself as a program.
"""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

STEPS, ROWS = 3, 8
SETTINGS = {
    "all": {
        "weight_decay": 10.0,
        "ema": 0.5,
        "freeze_steps": 1,
        "backbone_rate": 0.5,
        "loss_weights": ("race=3",),
    },
    # Adam hides the size of gradients but in its epsilon of 1e-8, see test_optimizer.py.
    "clip": {"clip_norm": 1e-6},
}


def batches():
    """Noise, with labels spread unevenly over the halves of a batch, one for each replica."""
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (STEPS * ROWS, 16, 16, 3)).astype(np.float32)
    ages = [30, 4, 61, -1, -1, -1, -1, 9]  # three in the first half, one in the second
    races = [-1, -1, -1, -1, 2, 0, -1, 1]  # none in the first half
    labels = {
        "age": ages * STEPS,
        "gender": [0, 1, 1, 0, 1, 0, 0, -1] * STEPS,
        "race": races * STEPS,
    }
    return {"image": images}, {name: np.array(column, np.int32) for name, column in labels.items()}


def train(folder):
    """Trains on one device, and from the same start on two; writes the variables of each."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from age_gender_estimation.training.distributed.distribution import Mirrored, OneDevice
    from age_gender_estimation.training.estimator import make_estimator
    from age_gender_estimation.training.hparams import HParams

    def input_fn(input_context=None):
        size = input_context.get_per_replica_batch_size(ROWS) if input_context else ROWS
        return (
            tf.data.Dataset.from_tensor_slices(batches()).repeat().batch(size, drop_remainder=True)
        )

    for name, settings in SETTINGS.items():
        # The network's dropout is off, see freeze_batch_norm. Steps are small: Adam makes a whole
        # step of the rounding error of a gradient near 0, which must not spread.
        small = {
            "learning_rate": 1e-5,
            "decay": "none",
            "img_size": 16,
            "head_units": (4,),
            "freeze_batch_norm": True,
        }
        hparams = HParams(tasks=("age", "gender", "race"), backbone="cnn", **small, **settings)
        start = None
        for kind, make_distribution in (("none", OneDevice), ("mirrored", Mirrored)):
            path, distribution = f"{folder}/{name}-{kind}", make_distribution(ROWS)
            assert distribution.num_replicas == (2 if kind == "mirrored" else 1)
            saver = tf.estimator.CheckpointSaverHook(path, save_steps=STEPS)
            make_estimator(hparams, path, start, distribution).train(
                input_fn, hooks=[saver], max_steps=STEPS
            )
            start = f"{folder}/{name}-none/model.ckpt-0"
            for step in (0, STEPS):
                saved = tf.train.load_checkpoint(f"{path}/model.ckpt-{step}")
                values = {
                    each: saved.get_tensor(each) for each in saved.get_variable_to_shape_map()
                }
                np.savez(f"{path}-{step}.npz", **values)


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirrored")
    done = subprocess.run(
        [sys.executable, __file__, folder],
        env={**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return lambda *parts: dict(np.load(folder / ("-".join(map(str, parts)) + ".npz")))


@pytest.mark.parametrize("name", SETTINGS)
def test_steps_on_two_devices_are_the_steps_of_one(variables, name):
    start, one, two = (
        variables(name, "none", 0),
        variables(name, "none", STEPS),
        variables(name, "mirrored", STEPS),
    )
    assert one.keys() == two.keys() and one["global_step"] == two["global_step"] == STEPS
    assert any("Adam" in key for key in one) and any("Average" in key for key in one) == (
        name == "all"
    )
    for key, value in one.items():
        change = np.linalg.norm(value - start[key])
        assert change > 0 and np.linalg.norm(two[key] - value) < 0.02 * change, key


def test_both_begin_with_the_weights_that_they_are_given(variables):
    given, taken = variables("all", "none", 0), variables("all", "mirrored", 0)
    for key in (each for each in given if "kernel" in each and "Adam" not in each):
        np.testing.assert_array_equal(taken[key], given[key], err_msg=key)


if __name__ == "__main__":
    train(sys.argv[1])
