"""The interface of a head, and the joint loss, as pure TensorFlow ops.

Labels are int32 [batch], -1 for "not labelled"; logits are float32 [batch, num_logits].
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Head:
    """One task's output: its loss, decoding and metrics.

    Attributes:
      name: the task.
      num_logits: the number of logits per example.
      labelled: labels -> bool [batch], whether this head can learn from a label.
      losses: (labels, logits) -> float32 [batch]; any finite number without a label.
      decode: logits -> {output: float32 [batch, ...]}, the predictions.
      metrics: (labels, outputs of decode, weights) -> {metric: streaming (value, update_op)}.
      weight: the weight of its loss in the joint loss.
    """

    name: str
    num_logits: int
    labelled: Callable[[tf.Tensor], tf.Tensor]
    losses: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    decode: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    metrics: Callable[[tf.Tensor, dict[str, tf.Tensor], tf.Tensor], dict[str, tuple]]
    weight: float = 1.0

    def example_losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each example, float32 [batch]; 0 without a label."""
        losses = self.losses(labels, logits)
        return tf.where(self.labelled(labels), losses, tf.zeros_like(losses))

    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the mean loss of the labelled examples (0 without any), and their number."""
        count = tf.reduce_sum(tf.cast(self.labelled(labels), tf.float32))
        return tf.reduce_sum(self.example_losses(labels, logits)) / tf.maximum(count, 1.0), count


def softmax_losses(classes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy -log softmax(logits)[class] in nats, float32 [batch].

    Args:
      classes: int32 [batch]; an invalid class gives some finite number.
      logits: float32 [batch, num_classes].
    """
    # An invalid class would make the op fail on a CPU and give NaN on a GPU.
    classes = tf.clip_by_value(classes, 0, logits.shape[-1] - 1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)


def mean_over_heads(
    losses: Sequence[tf.Tensor], has_labels: Sequence[tf.Tensor], weights: Sequence[float]
) -> tf.Tensor:
    """Returns the weighted mean of the heads' losses over the heads with a label in the batch.

    sum_h w_h [h has labels] loss_h / sum_h w_h [h has labels], or 0 without any label.

    Args:
      losses: float32 [] of each head.
      has_labels: bool [] of each head.
      weights: above 0; equal weights give the plain mean.
    """
    counted = [weight * tf.cast(flag, tf.float32) for weight, flag in zip(weights, has_labels)]
    total = tf.add_n([weight * loss for weight, loss in zip(counted, losses)])
    return tf.math.divide_no_nan(total, tf.add_n(counted))


def joint_loss(
    heads: Mapping[str, Head], labels: Mapping[str, tf.Tensor], logits: Mapping[str, tf.Tensor]
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Returns the joint loss of a batch, and each head's own loss.

    In a replica of a distribution strategy both refer to the global batch: the heads' losses are
    equal in all replicas, and the mean of the joint loss (and of its gradient) over the replicas is
    that of the global batch.

    Args:
      heads: {task: Head}.
      labels: {task: int32 [batch]}.
      logits: {task: float32 [batch, num_logits]}.

    Returns:
      (joint loss float32 [], {task: loss float32 []}).
    """
    losses, counts = zip(*(head.loss(labels[name], logits[name]) for name, head in heads.items()))
    losses, means, counts = _of_global_batch(tf.stack(losses), tf.stack(counts))
    joint = mean_over_heads(
        tf.unstack(losses), tf.unstack(counts > 0), [head.weight for head in heads.values()]
    )
    return joint, dict(zip(heads, tf.unstack(means)))


def _of_global_batch(
    losses: tf.Tensor, counts: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns losses whose mean over replicas is the global batch's, that mean, and its counts.

    The plain mean over replicas would give a label more weight in a replica with few labels.

    Args:
      losses: float32 [heads], the means over this replica's labelled examples.
      counts: float32 [heads], the numbers of these examples.
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
