"""Manifests -> batches: the Estimator's input_fn, on tf.data.

Features: {"image": uint8 [batch, size, size, 3]}. Labels: {task: int32 [batch]}, -1 for "not
labelled".
"""

import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from age_gender_estimation.data.augment import augment
from age_gender_estimation.data.csv_rows import CHUNK, read_rows
from age_gender_estimation.data.images import read_image
from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.tasks.age_labels import middle_years

# Rows are undecoded, about 0.3 KB each. Manifests are sorted by a hash, so this mixes any size.
SHUFFLE_ROWS = 65_536
NO_DECADE = -1  # of rows without a usable age
# Twice the cores keep both of two busy while a batch waits for its slowest image; 3% faster than
# AUTOTUNE there.
PARALLEL_READS = 2 * len(os.sched_getaffinity(0))


def training_dataset(
    manifests: Sequence[Manifest],
    task_names: Sequence[str],
    hparams,
    seed: int,
    input_context: tf.distribute.InputContext | None = None,
) -> tf.data.Dataset:
    """Returns endless shuffled, augmented batches.

    Several workers share one stream: their batches of a step are together the batch of one machine.

    Args:
      manifests: each epoch mixes them in proportion to their rows, times their weights if there
        are any. With weights or balanced ages, an epoch is so many rows, drawn without end.
      task_names: the labels to give.
      hparams: HParams; img_size, batch_size, source_weights, age_balance, the usable ages and the
        augment_ fields are used.
      seed: of shuffling and augmentation; equal seeds give equal batches.
      input_context: which of several workers this is; None for one machine. The batch size is
        divided by its replicas.
    """
    if hparams.age_balance:
        rows = _balanced(manifests, task_names, hparams, seed)
    else:
        sources = [
            _shuffled(read_rows([manifest], task_names), seed + index)
            for index, manifest in enumerate(manifests)
        ]
        sizes = [manifest.num_rows for manifest in manifests]
        if hparams.source_weights:
            masses = [size * weight for size, weight in zip(sizes, hparams.source_weights)]
            rows = _mixed([source.repeat() for source in sources], masses, seed)
        else:  # an epoch has each row once
            rows = _mixed(sources, sizes, seed).repeat()

    def load(row, number):
        path, labels = row
        return {"image": augment(read_image(path, hparams.img_size), number, hparams)}, labels

    examples = tf.data.Dataset.zip((rows, tf.data.Dataset.random(seed)))
    batch_size = hparams.batch_size
    if input_context:
        # Every worker reads all rows, undecoded: that costs little, and no worker's epoch ends
        # early.
        examples = examples.shard(
            input_context.num_input_pipelines, input_context.input_pipeline_id
        )
        batch_size = input_context.get_per_replica_batch_size(batch_size)
    return _batched(examples.map(load, PARALLEL_READS), batch_size, drop_remainder=True)


def evaluation_dataset(
    manifests: Sequence[Manifest], task_names: Sequence[str], img_size: int, batch_size: int
) -> tf.data.Dataset:
    """Returns every example of the manifests once, in order, without augmentation.

    The last batch may be smaller.
    """
    examples = read_rows(manifests, task_names).map(
        lambda path, labels: ({"image": read_image(path, img_size)}, labels), PARALLEL_READS
    )
    return _batched(examples, batch_size, drop_remainder=False)


def _batched(examples, batch_size, drop_remainder):
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1  # images are read in parallel already
    return examples.batch(batch_size, drop_remainder).prefetch(2).with_options(options)


def _shuffled(rows, seed):
    return rows.shuffle(SHUFFLE_ROWS, seed, reshuffle_each_iteration=True)


def _mixed(datasets, sizes, seed):
    if len(datasets) == 1:
        return datasets[0]
    weights = [size / sum(sizes) for size in sizes]
    return tf.data.Dataset.sample_from_datasets(
        datasets, weights, seed, stop_on_empty_dataset=False, rerandomize_each_iteration=True
    )


def _balanced(manifests, task_names, hparams, seed):
    """Returns endless rows in which each decade of age has the share of `balanced_shares`.

    Within a decade, a row is drawn in proportion to the weight of its manifest.
    """
    decades = _decades(manifests, hparams.usable_ages)
    weights = hparams.source_weights or (1.0,) * len(manifests)
    row_weights = np.repeat(weights, [manifest.num_rows for manifest in manifests])
    masses = {int(each): float(row_weights[decades == each].sum()) for each in np.unique(decades)}
    cells, cell_shares = [], []
    for decade, share in balanced_shares(masses, hparams.age_balance).items():
        for weight in sorted(set(weights)):
            chosen = np.flatnonzero((decades == decade) & (row_weights == weight))
            if chosen.size:
                rows = tf.data.Dataset.from_tensor_slices(chosen)
                cells.append(_shuffled(rows, seed + decade).repeat())
                cell_shares.append(share * weight * chosen.size / masses[decade])
    numbers = _mixed(cells, cell_shares, seed).batch(CHUNK)

    def draw(table):
        return numbers.map(
            lambda chosen: tf.nest.map_structure(lambda column: tf.gather(column, chosen), table)
        )

    # The manifests are read once, into one element: a decade of three rows is drawn again and
    # again.
    table = read_rows(manifests, task_names).batch(len(decades))
    return table.flat_map(lambda *table: draw(table)).unbatch()


def _decades(manifests, usable_ages):
    """Returns int [rows of all manifests]: 3 for an age from 30 to 39; NO_DECADE where there is no
    usable age. A range counts by its middle."""
    ages = np.concatenate([manifest.labels["age"] for manifest in manifests])
    return np.where(usable_ages(ages), middle_years(ages) // 10, NO_DECADE)


def balanced_shares(counts: Mapping[int, float], balance: float) -> dict[int, float]:
    """Returns {decade: share of the examples to draw}.

    A decade of n rows is drawn in proportion to n ** (1 - balance): 0 keeps the proportions, 1
    makes them equal. Rows without a usable age keep their share.

    Args:
      counts: {decade: rows > 0, or the sum of their weights}, NO_DECADE for rows without a usable
        age.
      balance: 0 to 1.
    """
    weights = {
        decade: counts[decade] ** (1 - balance) for decade in sorted(counts) if decade != NO_DECADE
    }
    num_rows, num_others = sum(counts.values()), counts.get(NO_DECADE, 0)
    aged_share = 1 - num_others / num_rows
    shares = {
        decade: weight / sum(weights.values()) * aged_share for decade, weight in weights.items()
    }
    return {**shares, **({NO_DECADE: num_others / num_rows} if num_others else {})}
