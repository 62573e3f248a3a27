"""The heads for age: classes, soft, regression and groups, with losses, decoding and metrics.

An age above max_age, or outside every group, counts as "not labelled".
"""

from collections.abc import Callable

import tensorflow as tf

from age_gender_estimation.tasks.age_groups import Groups
from age_gender_estimation.tasks.head import Head, softmax_losses
from age_gender_estimation.tasks.labels import ADULT_AGE, INTERVAL_COVERAGE

# Regression learns (years - 35) / 20, near the mean and deviation of UTKFace and IMDB-WIKI. So its
# first loss is about 0.8, as that of gender's softmax, and equal loss weights work.
AGE_CENTRE, AGE_SCALE = 35.0, 20.0
HUBER_DELTA = 5.0 / AGE_SCALE  # quadratic for errors below five years


def classes_head(max_age: int, weight: float, interval_mass: float = INTERVAL_COVERAGE) -> Head:
    """Returns a softmax over the years 0 to max_age, decoded as its expected value.

    Loss: -log softmax(logits)[age]. DEX: Rothe et al., IJCV 2018.

    Args:
      max_age: the highest age in years.
      weight: the weight of the loss in the joint loss.
      interval_mass: the share of the distribution between `age_low` and `age_high`, which
        calibration chooses so that INTERVAL_COVERAGE of all people lie between them.
    """
    return _years_head(max_age, weight, softmax_losses, interval_mass)


def soft_head(
    max_age: int, sigma: float, weight: float, interval_mass: float = INTERVAL_COVERAGE
) -> Head:
    """Returns the softmax of `classes_head`, trained on a Gaussian around the labelled age.

    Loss: the Kullback-Leibler divergence sum_y t_y (log t_y - log softmax(logits)_y) in nats, where
      t
    is `gaussian_targets`. Deep label distribution learning: Gao et al., IEEE TIP 2017.

    Args:
      max_age: the highest age in years.
      sigma: the Gaussian's standard deviation in years.
      weight: the weight of the loss in the joint loss.
      interval_mass: see `classes_head`.
    """

    def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        target = gaussian_targets(labels, max_age, sigma)
        # xlogy is 0 where the target is 0.
        return tf.reduce_sum(
            tf.math.xlogy(target, target) - target * tf.nn.log_softmax(logits), axis=-1
        )

    return _years_head(max_age, weight, losses, interval_mass)


def gaussian_targets(labels: tf.Tensor, max_age: int, sigma: float) -> tf.Tensor:
    """Returns float32 [batch, max_age + 1], proportional to exp(-(year - label)^2 / (2 sigma^2)).

    Each row has the sum 1, also where the Gaussian reaches beyond the range.
    """
    years = tf.range(max_age + 1, dtype=tf.float32)
    centres = tf.cast(tf.clip_by_value(labels, 0, max_age), tf.float32)[:, tf.newaxis]
    return tf.nn.softmax(-tf.square((years - centres) / sigma) / 2)


def regression_head(max_age: int, loss_name: str, weight: float) -> Head:
    """Returns a head of one number, (years - AGE_CENTRE) / AGE_SCALE.

    With the error e in these units and delta = HUBER_DELTA, the loss is
      "l1": |e|
      "huber": e^2 / (2 delta) if |e| < delta, else |e| - delta / 2.
    Huber, Annals of Mathematical Statistics 1964, divided by delta, so that large errors cost as in
    L1.

    Args:
      max_age: predictions are clipped to 0 to max_age.
      loss_name: "l1" or "huber".
      weight: the weight of the loss in the joint loss.
    """

    def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        errors = tf.abs(logits[:, 0] - (tf.cast(labels, tf.float32) - AGE_CENTRE) / AGE_SCALE)
        if loss_name == "l1":
            return errors
        return tf.where(
            errors < HUBER_DELTA, tf.square(errors) / (2 * HUBER_DELTA), errors - HUBER_DELTA / 2
        )

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"age": tf.clip_by_value(AGE_CENTRE + AGE_SCALE * logits[:, 0], 0.0, float(max_age))}

    return Head("age", 1, _in_range(max_age), losses, decode, _age_metrics, weight)


def groups_head(groups: Groups, weight: float) -> Head:
    """Returns a softmax over age groups, with the cross-entropy as loss."""

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"age_group_probabilities": tf.nn.softmax(logits)}

    def metrics(
        labels: tf.Tensor, outputs: dict[str, tf.Tensor], weights: tf.Tensor
    ) -> dict[str, tuple]:
        predicted = tf.argmax(outputs["age_group_probabilities"], -1, tf.int32)
        accuracy = tf.compat.v1.metrics.accuracy(group_of(labels, groups), predicted, weights)
        return {"age_group_accuracy": accuracy}

    return Head(
        "age",
        len(groups),
        lambda labels: group_of(labels, groups) >= 0,
        lambda labels, logits: softmax_losses(group_of(labels, groups), logits),
        decode,
        metrics,
        weight,
    )


def group_of(labels: tf.Tensor, groups: Groups) -> tf.Tensor:
    """Returns the index of each age's group, int32 [batch]; -1 outside all groups."""
    number = -tf.ones_like(labels)
    for index, (first, last) in enumerate(groups):
        number = tf.where((labels >= first) & (labels <= last), index, number)
    return number


def expected_age(probabilities: tf.Tensor) -> tf.Tensor:
    """Returns sum_y y p_y, float32 [batch], of probabilities [batch, years]: it minimizes RMSE."""
    years = tf.range(probabilities.shape[-1], dtype=tf.float32)
    return tf.reduce_sum(probabilities * years, axis=-1)


def age_quantile(probabilities: tf.Tensor, share: float) -> tf.Tensor:
    """Returns the first y with sum_{z <= y} p_z >= share, float32 [batch]; 0.5 minimizes MAE."""
    below = tf.cumsum(probabilities, axis=-1) < share
    # Rounding can leave a sum of 0.99999: the last year is the highest result.
    return tf.minimum(
        tf.reduce_sum(tf.cast(below, tf.float32), axis=-1), float(probabilities.shape[-1] - 1)
    )


def _in_range(max_age: int) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda labels: (labels >= 0) & (labels <= max_age)


def _years_head(
    max_age: int,
    weight: float,
    losses: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    interval_mass: float,
) -> Head:
    """Returns a head whose logits are of the years 0 to max_age."""

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        probabilities = tf.nn.softmax(logits)
        return {
            "age": expected_age(probabilities),
            "age_median": age_quantile(probabilities, 0.5),
            "age_low": age_quantile(probabilities, 0.5 - interval_mass / 2),
            "age_high": age_quantile(probabilities, 0.5 + interval_mass / 2),
            "probability_under_18": tf.reduce_sum(probabilities[:, :ADULT_AGE], axis=-1),
            "age_probabilities": probabilities,
        }

    return Head("age", max_age + 1, _in_range(max_age), losses, decode, _age_metrics, weight)


def _age_metrics(
    labels: tf.Tensor, outputs: dict[str, tf.Tensor], weights: tf.Tensor
) -> dict[str, tuple]:
    years, metrics = tf.cast(labels, tf.float32), tf.compat.v1.metrics
    result = {
        "age_mae": metrics.mean_absolute_error(years, outputs["age"], weights),
        "age_rmse": metrics.root_mean_squared_error(years, outputs["age"], weights),
    }
    if "age_median" in outputs:
        result["age_median_mae"] = metrics.mean_absolute_error(
            years, outputs["age_median"], weights
        )
    return result
