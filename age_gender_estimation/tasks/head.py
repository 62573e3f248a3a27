"""What every head has in common, and the joint loss: pure TensorFlow ops.

Labels are int32 [batch] with -1 for "not labelled"; logits are float32 [batch, num_logits].
"""
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Head:
    """One task's output layer.

    Attributes:
      name: the task.
      num_logits: size of the logits.
      labelled: labels -> bool [batch], which of them this head can learn from.
      losses: (labels, logits) -> float32 [batch]; any finite number where there is no label.
      decode: logits -> {output: float32 [batch, ...]}, what the head answers.
      metrics: (labels, outputs of decode, weights) -> {metric: streaming (value, update_op)}.
      weight: of its loss in the joint loss.
    """
    name: str
    num_logits: int
    labelled: Callable
    losses: Callable
    decode: Callable
    metrics: Callable
    weight: float = 1.0

    def example_losses(self, labels, logits):
        """Returns the loss, float32 [batch]; 0 where there is no label."""
        losses = self.losses(labels, logits)
        return tf.where(self.labelled(labels), losses, tf.zeros_like(losses))

    def loss(self, labels, logits):
        """Returns (the mean loss of the labelled examples, 0 without any; bool scalar, whether there was any)."""
        is_labelled = self.labelled(labels)
        count = tf.reduce_sum(tf.cast(is_labelled, tf.float32))
        return tf.reduce_sum(self.example_losses(labels, logits)) / tf.maximum(count, 1.0), tf.reduce_any(is_labelled)


def softmax_losses(classes, logits):
    """Returns the cross-entropy in nats, float32 [batch], with int32 [batch] classes; any number where one is invalid."""
    # An invalid class would make the op fail on the CPU and give NaN on a GPU.
    classes = tf.clip_by_value(classes, 0, logits.shape[-1] - 1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)


def mean_over_heads(losses, has_labels, weights):
    """Returns the joint loss: the weighted mean of the heads' losses over the heads that had a label in the batch.

    Args:
      losses: list of float32 scalars.
      has_labels: list of bool scalars, whether the head had any label.
      weights: list of floats above 0; equal ones give the plain mean.
    """
    counted = [weight * tf.cast(flag, tf.float32) for weight, flag in zip(weights, has_labels)]
    total = tf.add_n([weight * loss for weight, loss in zip(counted, losses)])
    return tf.math.divide_no_nan(total, tf.add_n(counted))


def joint_loss(heads, labels, logits):
    """Returns (the joint loss, {task: the head's own loss}) of a batch.

    Args:
      heads: {task: Head}.
      labels: {task: int32 [batch]}.
      logits: {task: float32 [batch, num_logits]}.
    """
    losses, has_labels = {}, []
    for name, head in heads.items():
        losses[name], has_label = head.loss(labels[name], logits[name])
        has_labels.append(has_label)
    return mean_over_heads(list(losses.values()), has_labels, [head.weight for head in heads.values()]), losses
