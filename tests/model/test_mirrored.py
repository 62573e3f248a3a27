"""One step of the real model_fn on two logical CPU devices against the same step on one.

The devices have to be set up before TensorFlow starts, so this file runs itself as a program.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

STEPS, ROWS = 3, 8
SETTINGS = {
    "all": {"weight_decay": 0.5, "ema": 0.5, "freeze_steps": 1, "body_rate": 0.5, "loss_weights": ("race=3",)},
    # Adam hides the size of gradients but in its epsilon of 1e-8, see test_optimizer.py.
    "clip": {"clip_norm": 1e-6},
}


def batches():
    """Noise, with labels that are spread unevenly over the halves of a batch, which are what the replicas get."""
    random = np.random.default_rng(0)
    images = random.uniform(0, 255, (STEPS * ROWS, 16, 16, 3)).astype(np.float32)
    ages = [30, 4, 61, -1, -1, -1, -1, 9]  # three in the first half, one in the second
    races = [-1, -1, -1, -1, 2, 0, -1, 1]  # none in the first half
    labels = {"age": ages * STEPS, "gender": [0, 1, 1, 0, 1, 0, 0, -1] * STEPS, "race": races * STEPS}
    return {"image": images}, {name: np.array(column, np.int32) for name, column in labels.items()}


def train(folder):
    """Trains on one device, and from the same start on two; writes all variables and the losses of each."""
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from age_gender_estimation.model.distribution import Distribution
    from age_gender_estimation.model.estimator import make_estimator
    from age_gender_estimation.model.hparams import HParams

    def input_fn(input_context=None):
        size = input_context.get_per_replica_batch_size(ROWS) if input_context else ROWS
        return tf.data.Dataset.from_tensor_slices(batches()).repeat().batch(size, drop_remainder=True)

    for name, settings in SETTINGS.items():
        hparams = HParams(
            tasks=("age", "gender", "race"), backbone="cnn", img_size=16, head_units=(4,), decay="none", **settings
        )
        start = None
        for kind in ("none", "mirrored"):
            path, distribution = f"{folder}/{name}-{kind}", Distribution(kind, None, ROWS)
            assert distribution.num_replicas == (2 if kind == "mirrored" else 1)
            saver = tf.estimator.CheckpointSaverHook(path, save_steps=STEPS)
            make_estimator(hparams, path, start, distribution).train(input_fn, hooks=[saver], max_steps=STEPS)
            start = f"{folder}/{name}-none/model.ckpt-0"
            newest = tf.train.load_checkpoint(path)
            np.savez(f"{path}.npz", **{each: newest.get_tensor(each) for each in newest.get_variable_to_shape_map()})


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirrored")
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, __file__, folder], env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {
        (name, kind): dict(np.load(folder / f"{name}-{kind}.npz")) for name in SETTINGS for kind in ("none", "mirrored")
    }


@pytest.mark.parametrize("name", SETTINGS)
def test_steps_on_two_devices_are_the_steps_of_one(variables, name):
    one, two = variables[name, "none"], variables[name, "mirrored"]
    assert one.keys() == two.keys() and one["global_step"] == two["global_step"] == STEPS
    for key, value in one.items():
        np.testing.assert_allclose(two[key], value, rtol=1e-3, atol=1e-5, err_msg=key)


if __name__ == "__main__":
    train(sys.argv[1])
