"""The encodings of age: classes, soft, regression and groups, each with its loss, decoding and streaming metrics.

Ages above max_age, or outside every group, are unlabelled for the head.
"""

import tensorflow as tf

from age_gender_estimation.tasks.head import Head, softmax_losses
from age_gender_estimation.tasks.labels import ADULT_AGE, INTERVAL_COVERAGE

# Regression learns (years - 35) / 20, about mean and spread of UTKFace and IMDB-WIKI: an untrained network then starts
# with a loss near 0.8, as the softmax of gender does, and equal weights train.
AGE_CENTRE, AGE_SCALE = 35.0, 20.0
HUBER_DELTA = 5.0 / AGE_SCALE  # quadratic for errors below five years


def classes_head(max_age, weight, interval_mass=INTERVAL_COVERAGE):
    """A softmax over the years 0 to max_age, decoded as its expectation (DEX: Rothe et al., IJCV 2018).

    `interval_mass` is the share of the softmax between `age_low` and `age_high`, see `model.calibration`.
    """
    return _years_head(max_age, weight, softmax_losses, interval_mass)


def soft_head(max_age, sigma, weight, interval_mass=INTERVAL_COVERAGE):
    """The same softmax, taught a Gaussian around the year (deep label distribution learning: Gao et al., TIP 2017).

    The loss is the Kullback-Leibler divergence in nats, 0 for a perfect answer; sigma is in years.
    """

    def losses(labels, logits):
        target = gaussian_targets(labels, max_age, sigma)
        # xlogy is 0 where the target is 0.
        return tf.reduce_sum(
            tf.math.xlogy(target, target) - target * tf.nn.log_softmax(logits), axis=-1
        )

    return _years_head(max_age, weight, losses, interval_mass)


def gaussian_targets(labels, max_age, sigma):
    """Returns float32 [batch, max_age + 1]: exp(-(year - label)^2 / (2 sigma^2)), scaled to the sum 1.

    At the ends of the range the part that falls outside is spread over the rest.
    """
    years = tf.range(max_age + 1, dtype=tf.float32)
    centres = tf.cast(tf.clip_by_value(labels, 0, max_age), tf.float32)[:, tf.newaxis]
    return tf.nn.softmax(-tf.square((years - centres) / sigma) / 2)


def regression_head(max_age, loss_name, weight):
    """One number, (years - AGE_CENTRE) / AGE_SCALE, with L1 or Huber loss in these units."""

    def losses(labels, logits):
        errors = tf.abs(logits[:, 0] - (tf.cast(labels, tf.float32) - AGE_CENTRE) / AGE_SCALE)
        if loss_name == "l1":
            return errors
        # Huber, Annals of Mathematical Statistics 1964; divided by delta, so that far errors cost what they do in L1.
        return tf.where(
            errors < HUBER_DELTA, tf.square(errors) / (2 * HUBER_DELTA), errors - HUBER_DELTA / 2
        )

    def decode(logits):
        return {"age": tf.clip_by_value(AGE_CENTRE + AGE_SCALE * logits[:, 0], 0.0, float(max_age))}

    return Head("age", 1, _in_range(max_age), losses, decode, _age_metrics, weight)


def groups_head(groups, weight):
    """A softmax over ranges of years ((first, last), ...)."""

    def decode(logits):
        return {"age_group_probabilities": tf.nn.softmax(logits)}

    def metrics(labels, outputs, weights):
        predicted = tf.argmax(outputs["age_group_probabilities"], -1, tf.int32)
        return {
            "age_group_accuracy": tf.compat.v1.metrics.accuracy(
                group_of(labels, groups), predicted, weights
            )
        }

    return Head(
        "age",
        len(groups),
        lambda labels: group_of(labels, groups) >= 0,
        lambda labels, logits: softmax_losses(group_of(labels, groups), logits),
        decode,
        metrics,
        weight,
    )


def group_of(labels, groups):
    """Returns int32 [batch]: the number of the group that each label falls into, -1 outside all of them."""
    number = -tf.ones_like(labels)
    for index, (first, last) in enumerate(groups):
        number = tf.where((labels >= first) & (labels <= last), index, number)
    return number


def expected_age(probabilities):
    """Returns the expected year, float32 [batch], of a softmax over years 0, 1, ...: what makes RMSE least."""
    years = tf.range(probabilities.shape[-1], dtype=tf.float32)
    return tf.reduce_sum(probabilities * years, axis=-1)


def age_quantile(probabilities, share):
    """Returns the first year, float32 [batch], up to which `share` of the softmax lies; 0.5 makes MAE least."""
    below = tf.cumsum(probabilities, axis=-1) < share
    # Rounding may leave a sum of 0.99999: the last year is the highest answer.
    return tf.minimum(
        tf.reduce_sum(tf.cast(below, tf.float32), axis=-1), float(probabilities.shape[-1] - 1)
    )


def _in_range(max_age):
    return lambda labels: (labels >= 0) & (labels <= max_age)


def _years_head(max_age, weight, losses, interval_mass):
    def decode(logits):
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


def _age_metrics(labels, outputs, weights):
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
