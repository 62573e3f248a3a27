"""Manifests -> batches: the Estimator's input_fn, on tf.data.

Features: {"image": uint8 [batch, size, size, 3]}. Labels: {task: int32 [batch]}, -1 for "not labelled".
"""

import os

import tensorflow as tf

from age_gender_estimation.data.augment import augment
from age_gender_estimation.data.images import read_image
from age_gender_estimation.data.splits import PARTS, part_number
from age_gender_estimation.tasks.age_heads import group_of

SHUFFLE_ROWS = 65_536  # rows are undecoded, about 0.3 KB each; manifests are ordered by a hash, so this mixes any size
UNLABELLED = -1
CSV_ROWS = 1024  # taken together: a function called for each row would cost more than the rest of reading it
# Twice the cores keep both of two busy while batches wait for their slowest picture; 3% faster than AUTOTUNE there.
PARALLEL_READS = 2 * len(os.sched_getaffinity(0))


def read_rows(manifest, task_names, decade=None, usable_ages=()):
    """Reads a manifest as a Dataset of (path: string, {task: int32}); unlabelled where its labels are not used.

    CsvDataset understands quoted newlines, which a line reader does not.

    Args:
      manifest: Manifest.
      task_names: the labels to read.
      decade: read only rows with a usable age of this decade (3 for 30 to 39), or without one for UNLABELLED.
      usable_ages: ((first year, last year), ...), for `decade`.
    """
    columns = sorted(
        (manifest.columns.index(name), name)
        for name in ("filename", *task_names)
        if name == "filename" or name in manifest.tasks
    )
    names = [name for _, name in columns]
    defaults = [
        tf.string if name == "filename" else tf.constant([UNLABELLED], tf.int32) for name in names
    ]
    rows = tf.data.experimental.CsvDataset(
        manifest.path, defaults, header=True, select_cols=[index for index, _ in columns]
    )

    def to_examples(number, cells):
        cells = dict(zip(names, cells))
        paths = tf.strings.join([os.path.join(manifest.image_dir, ""), cells["filename"]])
        unlabelled = tf.fill(tf.shape(paths), UNLABELLED)
        labels = {name: cells.get(name, unlabelled) for name in task_names}
        is_wanted = tf.fill(tf.shape(paths), True)
        if manifest.part:
            places = CSV_ROWS * number + tf.range(tf.size(paths, tf.int64))
            # In the Estimator's graph `==` would compare identities.
            is_wanted &= tf.equal(part_number(places), PARTS.index(manifest.part))
        if decade is not None:
            ages = cells.get("age", unlabelled)
            is_wanted &= tf.equal(
                tf.where(group_of(ages, usable_ages) >= 0, ages // 10, UNLABELLED), decade
            )
        return tf.nest.map_structure(
            lambda column: tf.boolean_mask(column, is_wanted), (paths, labels)
        )

    return rows.batch(CSV_ROWS).enumerate().map(to_examples).unbatch()


def training_dataset(manifests, task_names, hparams, seed, input_context=None):
    """Returns endless shuffled, augmented batches.

    Several workers deal out one stream among them: the batches of a step are together the batch of one machine.

    Args:
      manifests: list of Manifest; each epoch mixes them in proportion to their rows.
      task_names: the labels to read.
      hparams: img_size, batch_size, age_balance and the augment_ fields count here.
      seed: of shuffling and augmentation; equal seeds give equal batches.
      input_context: tf.distribute.InputContext, which of several workers this is; None for one machine. The batch size is
        divided by its replicas.
    """
    if hparams.age_balance:
        rows = _balanced(manifests, task_names, hparams, seed)
    else:
        rows = _mixed(
            [
                _shuffled(read_rows(manifest, task_names), seed + index)
                for index, manifest in enumerate(manifests)
            ],
            [manifest.num_rows for manifest in manifests],
            seed,
        )

    def load(row, number):
        path, labels = row
        return {"image": augment(read_image(path, hparams.img_size), number, hparams)}, labels

    examples, batch_size = (
        tf.data.Dataset.zip((rows.repeat(), tf.data.Dataset.random(seed))),
        hparams.batch_size,
    )
    if input_context:
        # Rows are undecoded here: reading them all in every worker costs little, and no worker's epoch ends early.
        examples = examples.shard(
            input_context.num_input_pipelines, input_context.input_pipeline_id
        )
        batch_size = input_context.get_per_replica_batch_size(batch_size)
    return _batched(examples.map(load, PARALLEL_READS), batch_size, drop_remainder=True)


def evaluation_dataset(manifests, task_names, img_size, batch_size):
    """Returns every example of the manifests exactly once, in order, unchanged; the last batch may be smaller."""
    rows = read_rows(manifests[0], task_names)
    for manifest in manifests[1:]:
        rows = rows.concatenate(read_rows(manifest, task_names))
    examples = rows.map(
        lambda path, labels: ({"image": read_image(path, img_size)}, labels), PARALLEL_READS
    )
    return _batched(examples, batch_size, drop_remainder=False)


def _batched(examples, batch_size, drop_remainder):
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = 1  # pictures are read side by side already
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
    """Returns endless rows in which each decade of age has the share of `balanced_shares`."""
    usable_ages = hparams.usable_ages()
    num_rows = sum(manifest.num_rows for manifest in manifests)
    ages = [
        sum(counts) if any(first <= age <= last for first, last in usable_ages) else 0
        for age, counts in enumerate(zip(*(manifest.ages for manifest in manifests)))
    ]
    shares = balanced_shares(ages, num_rows - sum(ages), hparams.age_balance)
    decades = []
    for decade in shares:
        rows = read_rows(manifests[0], task_names, decade, usable_ages)
        for manifest in manifests[1:]:
            rows = rows.concatenate(read_rows(manifest, task_names, decade, usable_ages))
        # Cached: a decade of three rows would otherwise read the whole file for every third example.
        decades.append(_shuffled(rows.cache(), seed + decade).repeat())
    return _mixed(decades, list(shares.values()), seed)


def balanced_shares(ages, num_unlabelled, balance):
    """Returns {decade: share of the examples to draw}, -1 for rows without an age, which keep their share.

    A decade of n rows is drawn in proportion to n ** (1 - balance): 0 keeps the proportions, 1 makes them equal.

    Args:
      ages: (rows of age 0, of age 1, ...), as far as they are usable.
      num_unlabelled: the other rows.
      balance: 0 to 1.
    """
    counts = {
        decade: sum(ages[10 * decade : 10 * decade + 10]) for decade in range((len(ages) + 9) // 10)
    }
    weights = {decade: count ** (1 - balance) for decade, count in counts.items() if count}
    num_aged = sum(counts.values())
    shares = {
        decade: weight / sum(weights.values()) * num_aged / (num_aged + num_unlabelled)
        for decade, weight in weights.items()
    }
    return {
        **shares,
        **({UNLABELLED: num_unlabelled / (num_aged + num_unlabelled)} if num_unlabelled else {}),
    }
