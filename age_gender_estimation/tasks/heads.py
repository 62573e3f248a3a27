"""The heads that learn the labels: loss, decoding and streaming metrics of each task, as TensorFlow ops.

A label is an int32 [batch] with -1 for "not labelled"; logits are float32 [batch, num_classes]. A label that the head
has no class for (an age above max_age) counts as not labelled.
"""
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True)
class Head:
    """One task's output layer.

    Attributes:
      name: the task.
      num_classes: size of the logits.
      decode: probabilities float32 [batch, num_classes] -> dict of what the head answers.
      metrics: (labels, probabilities, weights) -> dict of streaming (value, update_op) pairs.
    """
    name: str
    num_classes: int
    decode: Callable
    metrics: Callable

    def labelled(self, labels):
        """Returns bool [batch]: which labels int32 [batch] this head can learn from."""
        return (labels >= 0) & (labels < self.num_classes)

    def example_losses(self, labels, logits):
        """Returns the cross-entropy in nats, float32 [batch]; 0 where there is no label."""
        is_labelled = self.labelled(labels)
        safe_labels = tf.where(is_labelled, labels, tf.zeros_like(labels))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=safe_labels, logits=logits)
        return tf.where(is_labelled, losses, tf.zeros_like(losses))


def mean_of_labelled(values, is_labelled):
    """Returns the mean of float32 [batch] `values` where bool [batch] `is_labelled`; exactly 0 where nothing is."""
    count = tf.reduce_sum(tf.cast(is_labelled, tf.float32))
    return tf.reduce_sum(tf.where(is_labelled, values, tf.zeros_like(values))) / tf.maximum(count, 1.0)


def mean_over_heads(head_losses, has_labels):
    """Returns the joint loss: the mean of the heads' losses over the heads that had a label in the batch.

    Args:
      head_losses: list of float32 scalars, 0 for a head without labels.
      has_labels: list of bool scalars, whether the head had any label.
    """
    count = tf.add_n([tf.cast(flag, tf.float32) for flag in has_labels])
    return tf.add_n(head_losses) / tf.maximum(count, 1.0)


def expected_age(probabilities):
    """Returns the expected year, float32 [batch], of a softmax over years 0, 1, ... (Rothe et al., DEX, IJCV 2018)."""
    years = tf.range(probabilities.shape[-1], dtype=tf.float32)
    return tf.reduce_sum(probabilities * years, axis=-1)


def _decode_age(probabilities):
    return {"age": expected_age(probabilities), "age_probabilities": probabilities}


def _age_metrics(labels, probabilities, weights):
    years, ages = tf.cast(labels, tf.float32), expected_age(probabilities)
    metrics = tf.compat.v1.metrics
    return {
        "age_mae": metrics.mean_absolute_error(years, ages, weights),
        "age_rmse": metrics.root_mean_squared_error(years, ages, weights),
        "age_accuracy": metrics.accuracy(labels, tf.argmax(probabilities, -1, tf.int32), weights),
    }


def _class_head(name):
    def decode(probabilities):
        return {f"{name}_probabilities": probabilities}

    def metrics(labels, probabilities, weights):
        predicted = tf.argmax(probabilities, -1, tf.int32)
        return {f"{name}_accuracy": tf.compat.v1.metrics.accuracy(labels, predicted, weights)}

    return Head(name, LABELS[name].highest + 1, decode, metrics)


def make_heads(task_names, max_age):
    """Returns {task name: Head} in the order of `task_names`; the age head has a class per year from 0 to max_age."""
    heads = {}
    for name in task_names:
        heads[name] = Head("age", max_age + 1, _decode_age, _age_metrics) if name == "age" else _class_head(name)
    return heads
