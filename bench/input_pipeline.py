"""Images per second of the input pipeline, beside bare decoding and the article's reader."""

import os
import tempfile
import time

from bench.measure import alternate, compare, fresh

SIZE, BATCH = 224, 32
WARM_UP_BATCHES = 20  # AUTOTUNE has chosen its threads then, and the shuffle buffer is full


def measure(rounds, scale):
    """Returns the Rows."""
    count, batches = max(64, int(4000 * scale)), max(3, int(150 * scale))
    with tempfile.TemporaryDirectory() as folder:
        csv_path, crop_dir = write_crops(folder, count, SIZE)

        def side(name):
            return lambda: fresh(
                f"bench.input_pipeline:{name}",
                csv_path=csv_path,
                crop_dir=crop_dir,
                batches=batches,
            )

        found = alternate(
            {name: side(f"run_{name}") for name in ("ours", "bare", "article")}, rounds
        )
    return [
        compare(
            "input pipeline, against bare read_file, decode_jpeg and batch",
            found["ours"],
            found["bare"],
            "images/s",
            0.9,
        ),
        compare(
            "input pipeline, against the article's reader",
            found["ours"],
            found["article"],
            "images/s",
            1.7,
        ),
    ]


def write_crops(folder, count, size):
    """Writes `count` crops and a manifest; returns (path of the manifest, folder of the crops)."""
    from age_gender_estimation.data.manifest import manifest_text
    from bench.samples import write_images

    crop_dir, csv_path = os.path.join(folder, "crop"), os.path.join(folder, "train.csv")
    names = write_images(crop_dir, count, size)
    rows = (
        (name, {"age": 20 + index % 50, "gender": index % 2}) for index, name in enumerate(names)
    )
    with open(csv_path, "w", encoding="utf-8") as file:
        file.write(manifest_text(rows, ("age", "gender")))
    return csv_path, crop_dir


def run_ours(csv_path, crop_dir, batches):
    """Returns images per second of the project's training_dataset with the default settings."""
    from age_gender_estimation.data.input_pipeline import training_dataset
    from age_gender_estimation.data.manifest import open_manifest
    from age_gender_estimation.training.hparams import HParams

    hparams = HParams(img_size=SIZE, batch_size=BATCH)
    return _rate(
        training_dataset([open_manifest(csv_path, crop_dir)], ("age", "gender"), hparams, seed=0),
        batches,
    )


def run_bare(csv_path, crop_dir, batches):
    """Returns images per second of decoding to uint8, with the threads that AUTOTUNE chooses."""
    import tensorflow as tf

    paths = sorted(
        os.path.join(parent, name) for parent, _, names in os.walk(crop_dir) for name in names
    )

    def load(path):
        return tf.ensure_shape(
            tf.io.decode_jpeg(tf.io.read_file(path), channels=3), [SIZE, SIZE, 3]
        )

    dataset = tf.data.Dataset.from_tensor_slices(paths).repeat().map(load, tf.data.AUTOTUNE)
    return _rate(dataset.batch(BATCH).prefetch(tf.data.AUTOTUNE), batches)


def run_article(csv_path, crop_dir, batches):
    """Returns images per second of the article's reader."""
    from bench import article

    return _rate(article.read_batches(csv_path, crop_dir, SIZE, BATCH), batches)


def _rate(dataset, batches):
    iterator = iter(dataset)
    for _ in range(min(WARM_UP_BATCHES, batches)):
        next(iterator)
    start = time.perf_counter()
    for _ in range(batches):
        next(iterator)
    return BATCH * batches / (time.perf_counter() - start)
