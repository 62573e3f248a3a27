"""Manifests -> batches: the Estimator's input_fn, on tf.data.

Features: {"image": float32 [batch, size, size, 3] in [0, 255]}. Labels: {task: int32 [batch]}, -1 for "not labelled".
"""
import os

import tensorflow as tf

from age_gender_estimation.data.augment import augment
from age_gender_estimation.data.images import read_image

SHUFFLE_ROWS = 65_536  # rows are undecoded, about 0.3 KB each; manifests are ordered by a hash, so this mixes any size
UNLABELLED = -1


def read_rows(manifest, task_names):
    """Reads a manifest as a Dataset of (path: string, {task: int32}).

    CsvDataset understands quoted newlines, which a line reader does not.
    """
    columns = sorted((manifest.columns.index(name), name)
                     for name in ("filename", *task_names) if name in manifest.columns)
    defaults = [tf.string if name == "filename" else tf.constant([UNLABELLED], tf.int32) for _, name in columns]
    rows = tf.data.experimental.CsvDataset(
        manifest.path, defaults, header=True, select_cols=[index for index, _ in columns])

    def to_example(*cells):
        row = dict(zip((name for _, name in columns), cells))
        path = tf.strings.join([os.path.join(manifest.image_dir, ""), row.pop("filename")])
        return path, {name: row.get(name, tf.constant(UNLABELLED)) for name in task_names}

    return rows.map(to_example)


def training_dataset(manifests, task_names, hparams, seed):
    """Returns endless shuffled, augmented batches.

    Args:
      manifests: list of Manifest; each epoch mixes them in proportion to their rows.
      task_names: the labels to read.
      hparams: img_size, batch_size and the augment_ fields count here.
      seed: of shuffling and augmentation; equal seeds give equal batches.
    """
    rows = _mixed([read_rows(manifest, task_names).shuffle(SHUFFLE_ROWS, seed + index, reshuffle_each_iteration=True)
                   for index, manifest in enumerate(manifests)], manifests, seed)
    seeds = tf.data.Dataset.zip((tf.data.Dataset.counter(), tf.data.Dataset.random(seed)))

    def load(row, example_seed):
        path, labels = row
        image = read_image(path, hparams.img_size)
        return {"image": augment(image, tf.stack(example_seed), hparams)}, labels

    examples = tf.data.Dataset.zip((rows.repeat(), seeds)).map(load, tf.data.AUTOTUNE)
    return examples.batch(hparams.batch_size, drop_remainder=True).prefetch(2)


def evaluation_dataset(manifests, task_names, img_size, batch_size):
    """Returns every example of the manifests exactly once, in order, unchanged; the last batch may be smaller."""
    rows = read_rows(manifests[0], task_names)
    for manifest in manifests[1:]:
        rows = rows.concatenate(read_rows(manifest, task_names))
    examples = rows.map(lambda path, labels: ({"image": read_image(path, img_size)}, labels), tf.data.AUTOTUNE)
    return examples.batch(batch_size).prefetch(2)


def _mixed(datasets, manifests, seed):
    if len(datasets) == 1:
        return datasets[0]
    total = sum(manifest.num_rows for manifest in manifests)
    weights = [manifest.num_rows / total for manifest in manifests]
    return tf.data.Dataset.sample_from_datasets(
        datasets, weights, seed, stop_on_empty_dataset=False, rerandomize_each_iteration=True)
