"""Manifests -> rows, read by tf.data's CSV reader
(https://www.tensorflow.org/api_docs/python/tf/data/experimental/CsvDataset).

Each reading streams the file once. The reader gives the file names; the labels are the manifest's
checked columns, by the place of the row in the file.
"""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from age_gender_estimation.data.manifest import Manifest

CHUNK = (
    1024  # rows handled together: calling a function for each row would take longer than reading it
)
ANSWERS = "_answers"  # ends the names of the teachers' answers among the labels


def read_rows(manifests: Sequence[Manifest], task_names: Sequence[str]) -> tf.data.Dataset:
    """Returns a Dataset of (path: string, {task: int32}), a row each, in the order of the manifests
    and their rows. The answers of manifests that have them are there too, {"age_answers": float32
    [classes]}.

    Args:
      manifests: the manifests, or parts of them.
      task_names: the labels to give; -1 where there is none.

    The Dataset fails with InvalidArgumentError where a file has other names, or names in another
    order, than when it was checked.
    """
    rows = _rows_of(manifests[0], task_names)
    for manifest in manifests[1:]:
        rows = rows.concatenate(_rows_of(manifest, task_names))
    return rows


def _rows_of(manifest, task_names):
    # In a graph of its own: the Estimator calls this while it builds one.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        names = tf.compat.v1.placeholder(tf.string, [None])  # a constant takes 17 times as long
        hashes = session.run(_hash_names(names), {names: manifest.filenames})
    columns = {"hash": _by_line(hashes, manifest.rows)}
    columns |= {name: _by_line(manifest.labels[name], manifest.rows) for name in task_names}
    for name, answers in manifest.answers.items():
        columns[name + ANSWERS] = _by_line(answers, manifest.rows)
    names = tf.data.experimental.CsvDataset(
        manifest.path,
        [tf.constant([""], tf.string)],  # of blank lines
        header=True,
        field_delim=manifest.delimiter,
        select_cols=[manifest.header.index("filename")],
    )

    def to_examples(cells, columns):
        columns = {name: column[: tf.size(cells[0])] for name, column in columns.items()}
        is_wanted = columns["hash"] >= 0
        names = tf.boolean_mask(cells[0], is_wanted)
        columns = {name: tf.boolean_mask(column, is_wanted) for name, column in columns.items()}
        # Labels go by the place of a row: they would be wrong for a file that was replaced since.
        tf.debugging.assert_equal(
            _hash_names(names), columns["hash"], f"{manifest.path} has changed"
        )
        paths = tf.strings.join([os.path.join(manifest.image_dir, ""), names])
        del columns["hash"]
        types = {name: tf.float32 if name.endswith(ANSWERS) else tf.int32 for name in columns}
        return paths, {name: tf.cast(columns[name], types[name]) for name in columns}

    # The shorter one ends it: what follows the last row of a part is not read.
    lines = tf.data.Dataset.zip((names.batch(CHUNK), tf.data.Dataset.from_tensor_slices(columns)))
    return lines.map(to_examples).unbatch()


def _hash_names(names):
    """Returns int32 [n], 0 or more, of string [n]."""
    return tf.cast(tf.strings.to_hash_bucket_fast(names, 2**31 - 1), tf.int32)


def _by_line(values, rows):
    """Returns [chunks, CHUNK, ...] lines of a file: `values` [n, ...] in the lines `rows` [n], else
    -1."""
    num_chunks, size = rows[-1] // CHUNK + 1, values.shape[1:]
    column = np.full((num_chunks * CHUNK, *size), -1, values.dtype)
    column[rows] = values
    return column.reshape(num_chunks, CHUNK, *size)
