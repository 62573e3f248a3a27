"""Images per second of training on the CPU, beside the article's network and input."""

import os
import statistics
import tempfile
import time

from bench.machine import peak_megabytes
from bench.measure import alternate, compare, fresh

WARM_UP_STEPS = 3  # the first steps allocate memory, and oneDNN chooses its kernels
BATCH = 32


def measure(rounds, scale):
    """Returns the Rows against the article: its network at 224 px, and our default backbone."""
    from bench.input_pipeline import write_crops

    with tempfile.TemporaryDirectory() as folder:
        large, small = (
            {"csv_path": csv_path, "crop_dir": crop_dir}
            for csv_path, crop_dir in (
                write_crops(os.path.join(folder, str(size)), max(64, int(1000 * scale)), size)
                for size in (224, 112)
            )
        )
        few, many = max(2, int(8 * scale)), max(2, int(60 * scale))

        def side(name, **arguments):
            environment = arguments.pop("environment", None)
            return lambda: fresh(f"bench.training:{name}", environment=environment, **arguments)[
                "rate"
            ]

        found = alternate(
            {
                "cnn": side(
                    "run_ours", options={"backbone": "cnn", "img_size": 224}, steps=few, **large
                ),
                "plain": side(
                    "run_article", steps=few, environment={"TF_ENABLE_ONEDNN_OPTS": "0"}, **large
                ),
                "onednn": side("run_article", steps=few, **large),
                "default": side("run_ours", options={}, steps=many, **small),
            },
            rounds,
        )
    return [
        compare(
            "training cnn at 224 px, against the article's code (oneDNN off, as it comes)",
            found["cnn"],
            found["plain"],
            "images/s",
            1.3,
        ),
        compare(
            "training cnn at 224 px, against the article's code with oneDNN",
            found["cnn"],
            found["onednn"],
            "images/s",
        ),
        compare(
            "training the default backbone at its size, against the article's at 224 px",
            found["default"],
            found["plain"],
            "images/s",
            10,
        ),
    ]


def run_ours(csv_path, crop_dir, options, steps, is_traced=False):
    """Trains as `age-gender train` does, without evaluations.

    Args:
      csv_path, crop_dir: a manifest and its crops.
      options: {field of HParams: value}.
      steps: number of measured steps, after the warm-up.
      is_traced: whether to measure every op, which makes training slower.

    Returns:
      {"rate": images per second, the median over steps; "megabytes": peak memory;
      "microseconds": {op type: microseconds in all steps}}.
    """
    import tensorflow as tf

    from age_gender_estimation.data.input_pipeline import training_dataset
    from age_gender_estimation.data.manifest import open_manifest
    from age_gender_estimation.training.estimator import make_estimator
    from age_gender_estimation.training.hparams import HParams
    from age_gender_estimation.training.training_data import fit_to_data

    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    manifest = open_manifest(csv_path, crop_dir)
    hparams = fit_to_data(
        HParams(**options, num_steps=WARM_UP_STEPS + steps), [manifest], [manifest]
    )
    with tempfile.TemporaryDirectory() as model_dir:
        return _train(
            make_estimator(hparams, model_dir),
            lambda: training_dataset([manifest], hparams.tasks, hparams, 0),
            hparams.batch_size,
            steps,
            is_traced,
        )


def run_article(csv_path, crop_dir, steps):
    """Trains the article's network through its reader; returns what `run_ours` does."""
    import tensorflow as tf

    from bench import article

    tf.compat.v1.logging.set_verbosity(tf.compat.v1.logging.ERROR)
    with tempfile.TemporaryDirectory() as model_dir:
        config = tf.estimator.RunConfig(
            model_dir=model_dir,
            save_checkpoints_secs=None,
            save_checkpoints_steps=None,
            save_summary_steps=None,
            log_step_count_steps=None,
        )
        estimator = tf.estimator.Estimator(article.model_fn, config=config, params={})
        return _train(
            estimator,
            lambda: article.read_batches(csv_path, crop_dir, article.SIZE, BATCH),
            BATCH,
            steps,
        )


def run_growing(mat, photo_dir, output_dir):
    """Trains the default backbone on the output of bench.preprocess.run_growing."""
    return run_ours(
        os.path.join(output_dir, "train.csv"),
        os.path.join(output_dir, "crop"),
        {"img_size": 48},
        60,
    )


def _train(estimator, input_fn, batch_size, steps, is_traced=False):
    clock = _make_clock(is_traced)
    estimator.train(input_fn, steps=WARM_UP_STEPS + steps, hooks=[clock])
    times = clock.times[WARM_UP_STEPS - 1 :]
    seconds = statistics.median(later - earlier for earlier, later in zip(times, times[1:]))
    return {
        "rate": batch_size / seconds,
        "megabytes": peak_megabytes(),
        "microseconds": clock.microseconds,
    }


def _make_clock(is_traced):
    import tensorflow as tf

    class Clock(tf.estimator.SessionRunHook):
        """Records when each step ended and, after the warm-up, the time of each op type."""

        def __init__(self):
            self.times, self.microseconds = [], {}

        def before_run(self, run_context):
            level = (
                tf.compat.v1.RunOptions.FULL_TRACE
                if is_traced
                else tf.compat.v1.RunOptions.NO_TRACE
            )
            return tf.estimator.SessionRunArgs(
                [], options=tf.compat.v1.RunOptions(trace_level=level)
            )

        def after_run(self, run_context, run_values):
            self.times.append(time.perf_counter())
            if is_traced and len(self.times) > WARM_UP_STEPS:
                for device in run_values.run_metadata.step_stats.dev_stats:
                    for node in device.node_stats:
                        # The label is `name = Type(inputs)`. The graph does not know all nodes,
                        # because TensorFlow rewrites it.
                        kind = (
                            node.timeline_label.partition(" = ")[2].partition("(")[0]
                            or node.node_name
                        )
                        took = node.op_end_rel_micros - node.op_start_rel_micros
                        self.microseconds[kind] = self.microseconds.get(kind, 0) + took

    return Clock()
