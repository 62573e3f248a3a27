"""CORAL, age as ordinal regression: a number for each face, a threshold between each two years.

P(age > k) = sigmoid(number - threshold[k]). All thresholds share the weights of the number, so the
probabilities fall with k. Cao, Mirjalili and Raschka, Pattern Recognition Letters 2020,
arXiv:1901.07884.
"""

import math

import tensorflow as tf

from age_gender_estimation.tasks.age_heads import AGE_CENTRE, AGE_SCALE, years_head
from age_gender_estimation.tasks.age_labels import first_years, last_years
from age_gender_estimation.tasks.head import Head

# Untrained, ages are spread around AGE_CENTRE as a logistic distribution with this scale in years,
# about the spread of UTKFace and IMDB-WIKI.
FIRST_SCALE = 10.0


def coral_head(max_age: int, weight: float, interval_mass: float) -> Head:
    """The years 0 to max_age, decoded as those of `age_heads.classes_head`.

    The loss is that of `rank_losses`.

    Args:
      max_age: highest age in years, at least 2.
      weight: weight of the loss in the joint loss.
      interval_mass: share of the distribution between `age_low` and `age_high`.
    """
    return years_head(max_age, weight, rank_losses, interval_mass, RankLogits)


def rank_losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns the sum of the binary cross-entropies of "older than k", in nats / AGE_SCALE.

    For a range, the questions that its years answer differently do not count. The paper does not
    divide; it makes the loss about as large as that of another head.

    Args:
      labels: int32 [batch], years or ranges.
      logits: float32 [batch, years], the logarithms of probabilities up to a constant.

    Returns:
      float32 [batch]; any finite number where there is no label.
    """
    questions = tf.range(logits.shape[-1] - 1)
    total = tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
    older = tf.math.cumulative_logsumexp(logits, axis=-1, exclusive=True, reverse=True) - total
    not_older = tf.math.cumulative_logsumexp(logits, axis=-1) - total
    terms = tf.where(questions < first_years(labels)[:, tf.newaxis], older[:, :-1], 0.0)
    terms += tf.where(questions >= last_years(labels)[:, tf.newaxis], not_older[:, :-1], 0.0)
    return -tf.reduce_sum(terms, axis=-1) / AGE_SCALE


class RankLogits(tf.keras.layers.Layer):
    """Features -> the logarithms of the probabilities of the years.

    float32 [batch, units] -> float32 [batch, num_years], which is normalized.
    """

    def __init__(self, num_years: int, name: str) -> None:
        super().__init__(name=name)
        self._num_years = num_years

    def build(self, input_shape):
        self.kernel = self.add_weight("kernel", [input_shape[-1], 1])
        first = tf.keras.initializers.Constant((0.5 - AGE_CENTRE) / FIRST_SCALE)
        self.first = self.add_weight("first", [1], initializer=first)
        # Thresholds rise by softplus(step), so their order cannot change.
        step = tf.keras.initializers.Constant(math.log(math.expm1(1 / FIRST_SCALE)))
        self.steps = self.add_weight("steps", [self._num_years - 2], initializer=step)

    def call(self, inputs):
        rises = tf.math.softplus(self.steps)
        thresholds = self.first + tf.concat([[0.0], tf.cumsum(rises)], axis=0)
        older = tf.matmul(inputs, self.kernel) - thresholds  # logits of P(age > k)
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), without cancellation.
        between = tf.math.log_sigmoid(older[:, :-1]) + tf.math.log_sigmoid(-older[:, 1:])
        between += tf.math.log(-tf.math.expm1(-rises))
        lowest, highest = tf.math.log_sigmoid(-older[:, :1]), tf.math.log_sigmoid(older[:, -1:])
        return tf.concat([lowest, between, highest], axis=-1)
