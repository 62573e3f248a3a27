"""What all heads share, and the joint loss, in TensorFlow.

Labels are int32 [batch], -1 for "not labelled"; logits are float32 [batch, num_logits].
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import tensorflow as tf


@dataclass(frozen=True)
class Head:
    """The output layer of one task.

    Attributes:
      name: the task.
      num_logits: number of logits.
      labelled: labels -> bool [batch], which of them the head can learn from.
      losses: (labels, logits) -> float32 [batch]; any finite number where there is no label.
      decode: logits -> {output: float32 [batch, ...]}, the predictions.
      metrics: (labels, outputs of decode, weights) -> {metric: streaming (value, update_op)}.
      weight: weight of the loss in the joint loss.
      probabilities: the output of decode that is the softmax of the logits, "" if none is.
      output_layer: (num_logits, name=...) -> Keras layer that makes the logits; None for a dense
        layer.
    """

    name: str
    num_logits: int
    labelled: Callable[[tf.Tensor], tf.Tensor]
    losses: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    decode: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    metrics: Callable[[tf.Tensor, dict, tf.Tensor], dict]
    weight: float = 1.0
    probabilities: str = ""
    output_layer: Callable | None = None

    def example_losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the loss of each example, float32 [batch]; 0 where there is no label."""
        losses = self.losses(labels, logits)
        return tf.where(self.labelled(labels), losses, tf.zeros_like(losses))

    def loss(self, labels: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the mean loss of the labelled examples (0 without any) and their number."""
        count = tf.reduce_sum(tf.cast(self.labelled(labels), tf.float32))
        return tf.reduce_sum(self.example_losses(labels, logits)) / tf.maximum(count, 1.0), count


def softmax_losses(classes: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the cross-entropy -log p[class] in nats, float32 [batch].

    Args:
      classes: int32 [batch]; for an invalid class the result is any finite number.
      logits: float32 [batch, num_classes].
    """
    # With an invalid class the op fails on the CPU and returns NaN on a GPU.
    classes = tf.clip_by_value(classes, 0, logits.shape[-1] - 1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)


def divergences(target: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the Kullback-Leibler divergences sum(t * log(t / p)) in nats, float32 [batch].

    Args:
      target: float32 [batch, num_classes], probabilities t.
      logits: float32 [batch, num_classes] of p; where they give t, the result is 0.
    """
    # xlogy is 0 where the target is 0.
    terms = tf.math.xlogy(target, target) - target * tf.nn.log_softmax(logits)
    return tf.reduce_sum(terms, axis=-1)


def mean_over_heads(
    losses: Sequence[tf.Tensor], has_labels: Sequence[tf.Tensor], weights: Sequence[float]
) -> tf.Tensor:
    """Returns the joint loss: the weighted mean over the heads that have a label in the batch.

    Args:
      losses: float32 scalars, one per head.
      has_labels: bool scalars, whether the head has a label in the batch.
      weights: numbers above 0; equal weights give the plain mean.
    """
    counted = [weight * tf.cast(flag, tf.float32) for weight, flag in zip(weights, has_labels)]
    total = tf.add_n([weight * loss for weight, loss in zip(counted, losses)])
    return tf.math.divide_no_nan(total, tf.add_n(counted))


def joint_loss(
    heads: dict[str, Head], labels: dict[str, tf.Tensor], logits: dict[str, tf.Tensor]
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Returns the joint loss of a batch and {task: the head's own loss}, float32 scalars.

    In a replica of a distribution strategy both belong to the global batch: all replicas return
    equal losses of the heads, and the mean over the replicas of the joint loss, and of its
    gradient, is that of the global batch.

    Args:
      heads: {task: Head}.
      labels: {task: int32 [batch]}.
      logits: {task: float32 [batch, num_logits]}.
    """
    pairs = [head.loss(labels[name], logits[name]) for name, head in heads.items()]
    losses, counts = map(tf.stack, zip(*pairs))
    losses, means, counts = _of_global_batch(losses, counts)
    weights = [head.weight for head in heads.values()]
    joint = mean_over_heads(tf.unstack(losses), tf.unstack(counts > 0), weights)
    return joint, dict(zip(heads, tf.unstack(means)))


def mean_divergence(
    heads: dict[str, Head], answers: dict[str, tf.Tensor], logits: dict[str, tf.Tensor]
) -> tf.Tensor:
    """Returns how far predictions are from answers, float32 scalar; 0 where they are equal.

    The mean of the `divergences` over the batch, and the weighted mean of that over the heads.

    Args:
      heads: {task: Head}.
      answers: {task: float32 [batch, num_logits]} of some of the heads, probabilities.
      logits: {task: float32 [batch, num_logits]}.
    """
    means, weights = [], []
    for name, target in answers.items():
        means.append(tf.reduce_mean(divergences(target, logits[name])))
        weights.append(heads[name].weight)
    return tf.add_n([w * mean for w, mean in zip(weights, means)]) / sum(weights)


def _of_global_batch(
    losses: tf.Tensor, counts: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns what the losses of this replica contribute to the global batch.

    A mean of the replicas' means would give a label more weight where its replica has few labels.

    Args:
      losses: float32 [heads], means over the labelled examples of this replica.
      counts: float32 [heads], the number of these examples.

    Returns:
      Losses whose mean over the replicas is that of the global batch; that mean; the counts of
      the global batch.
    """
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if num_replicas == 1:
        return losses, losses, counts
    own = tf.stack([tf.stop_gradient(losses) * counts, counts])
    all_reduce = tf.distribute.get_replica_context().all_reduce
    sums, totals = tf.unstack(all_reduce(tf.distribute.ReduceOp.SUM, own))
    share = num_replicas * losses * counts / tf.maximum(totals, 1.0)
    return share, sums / tf.maximum(totals, 1.0), totals
