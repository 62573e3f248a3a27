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
        """Returns (the mean loss of the labelled examples, 0 without any; their number), float32 scalars."""
        count = tf.reduce_sum(tf.cast(self.labelled(labels), tf.float32))
        return tf.reduce_sum(self.example_losses(labels, logits)) / tf.maximum(count, 1.0), count


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
    """Returns (the joint loss, {task: the head's own loss}) of a batch, float32 scalars.

    In a replica of a distribution strategy both are of the global batch: the head's losses are equal in all replicas, and
    the mean over the replicas of what is returned as the joint loss, and of its gradient, is that of the global batch.

    Args:
      heads: {task: Head}.
      labels: {task: int32 [batch]}.
      logits: {task: float32 [batch, num_logits]}.
    """
    losses, counts = zip(*(head.loss(labels[name], logits[name]) for name, head in heads.items()))
    losses, means, counts = _of_global_batch(tf.stack(losses), tf.stack(counts))
    joint = mean_over_heads(
        tf.unstack(losses), tf.unstack(counts > 0), [head.weight for head in heads.values()]
    )
    return joint, dict(zip(heads, tf.unstack(means)))


def _of_global_batch(losses, counts):
    """Returns losses whose mean over the replicas is that of the global batch, that mean, and the counts of that batch.

    A mean of the replicas' own means would count a label for more where its replica has few of them.

    Args:
      losses: float32 [heads], means over this replica's labelled examples.
      counts: float32 [heads], the number of these.
    """
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if num_replicas == 1:
        return losses, losses, counts
    own = tf.stack([tf.stop_gradient(losses) * counts, counts])
    sums, totals = tf.unstack(
        tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)
    )
    return (
        num_replicas * losses * counts / tf.maximum(totals, 1.0),
        sums / tf.maximum(totals, 1.0),
        totals,
    )
