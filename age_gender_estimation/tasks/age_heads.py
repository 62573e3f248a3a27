"""The encodings of age, each with loss, decoding and metrics; that of CORAL is in `coral`.

Labels are years or ranges of years, see tasks.age_labels. Ages above max_age, ages outside every
group and ranges that cut through one count as unlabelled for the head.
"""

from collections.abc import Callable

import tensorflow as tf

from age_gender_estimation.tasks.age_groups import allowed_groups
from age_gender_estimation.tasks.age_labels import first_years, is_one_year, last_years, means_year
from age_gender_estimation.tasks.head import Head, divergences
from age_gender_estimation.tasks.labels import ADULT_AGE, INTERVAL_COVERAGE

Groups = tuple[tuple[int, int], ...]

# Regression learns (years - 35) / 20, about the mean and spread of UTKFace and IMDB-WIKI. An
# untrained network then starts with a loss near 0.8, as gender's softmax does, so equal weights
# in the joint loss train both.
AGE_CENTRE, AGE_SCALE = 35.0, 20.0
MEAN_WEIGHT, VARIANCE_WEIGHT = 0.2, 0.05  # of mean_variance, as published
HUBER_DELTA = 5.0 / AGE_SCALE  # quadratic below errors of five years


def classes_head(max_age: int, weight: float, interval_mass: float = INTERVAL_COVERAGE) -> Head:
    """A softmax over the years 0 to max_age, decoded as its expected value.

    The loss is that of `range_losses`, for a year the cross-entropy. DEX: Rothe et al., IJCV 2018.

    Args:
      max_age: highest age in years.
      weight: weight of the loss in the joint loss.
      interval_mass: share of the distribution between `age_low` and `age_high`; see
        export.calibration.
    """

    def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return range_losses(_allowed_years(labels, max_age), logits)

    return years_head(max_age, weight, losses, interval_mass)


def range_losses(allowed: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Returns -log(sum of p[class] over the allowed classes) in nats, float32 [batch].

    The likelihood of an interval-censored label: with one allowed class it is the cross-entropy,
    with all of them it is 0.

    Args:
      allowed: bool [batch, num_classes]; where none is allowed the result is any finite number.
      logits: float32 [batch, num_classes].
    """
    lowest = tf.float32.min / 2  # an infinity would give NaN in the gradient
    inside = tf.reduce_logsumexp(tf.where(allowed, logits, lowest), axis=-1)
    return tf.reduce_logsumexp(logits, axis=-1) - inside


def soft_head(
    max_age: int, sigma: float, weight: float, interval_mass: float = INTERVAL_COVERAGE
) -> Head:
    """The softmax of `classes_head`, trained towards a Gaussian around the labelled year.

    The loss is the Kullback-Leibler divergence in nats, sum(t * log(t / p)); a perfect prediction
    has 0. Deep label distribution learning: Gao et al., IEEE TIP 2017. `sigma` is in years. For a
    range of years it is that of `range_losses`.
    """

    def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        of_years = divergences(gaussian_targets(labels, max_age, sigma), logits)
        of_ranges = range_losses(_allowed_years(labels, max_age), logits)
        return tf.where(is_one_year(labels), of_years, of_ranges)

    return years_head(max_age, weight, losses, interval_mass)


def mean_variance_head(
    max_age: int, weight: float, interval_mass: float = INTERVAL_COVERAGE
) -> Head:
    """The softmax of `classes_head`, with a penalty for a wrong mean and for a large variance.

    The loss is that of `classes_head` + 0.2 * (mean - year)^2 / 2 + 0.05 * variance. Pan et al.,
    CVPR 2018. For a range of years the error of the mean is the distance to it, and the variance
    does not count.
    """

    def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        probabilities = tf.nn.softmax(logits)
        mean = expected_age(probabilities)
        years = tf.range(max_age + 1, dtype=tf.float32)
        variance = tf.reduce_sum(probabilities * tf.square(years - mean[:, tf.newaxis]), axis=-1)
        of_ranges = range_losses(_allowed_years(labels, max_age), logits)
        of_means = tf.square(years_outside(labels, mean)) / 2
        return (
            of_ranges
            + MEAN_WEIGHT * of_means
            + tf.where(is_one_year(labels), VARIANCE_WEIGHT * variance, 0.0)
        )

    return years_head(max_age, weight, losses, interval_mass)


def gaussian_targets(labels: tf.Tensor, max_age: int, sigma: float) -> tf.Tensor:
    """Returns exp(-(year - label)^2 / (2 sigma^2)), scaled to the sum 1: float32 [batch, years].

    At the ends of the range, the mass that would fall outside is spread over the rest.
    """
    years = tf.range(max_age + 1, dtype=tf.float32)
    centres = tf.cast(tf.clip_by_value(labels, 0, max_age), tf.float32)[:, tf.newaxis]
    return tf.nn.softmax(-tf.square((years - centres) / sigma) / 2)


def regression_head(max_age: int, loss_name: str, weight: float) -> Head:
    """One number, (years - AGE_CENTRE) / AGE_SCALE, with an L1 or Huber loss in these units.

    The error for a range is the distance to it, 0 inside.
    Huber (Annals of Mathematical Statistics, 1964): e^2 / (2 d) below d = HUBER_DELTA, else
    e - d / 2. It is divided by d, so that large errors have the slope that they have in L1.
    """

    def losses(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        errors = years_outside(labels, AGE_CENTRE + AGE_SCALE * logits[:, 0]) / AGE_SCALE
        if loss_name == "l1":
            return errors
        return tf.where(
            errors < HUBER_DELTA, tf.square(errors) / (2 * HUBER_DELTA), errors - HUBER_DELTA / 2
        )

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"age": tf.clip_by_value(AGE_CENTRE + AGE_SCALE * logits[:, 0], 0.0, float(max_age))}

    return Head("age", 1, _in_range(max_age), losses, decode, _age_metrics, weight)


def groups_head(groups: Groups, weight: float) -> Head:
    """A softmax over ranges of years, ((first, last), ...), with the loss of `range_losses`."""

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"age_group_probabilities": tf.nn.softmax(logits)}

    def metrics(labels: tf.Tensor, outputs: dict, weights: tf.Tensor) -> dict:
        predicted = tf.argmax(outputs["age_group_probabilities"], -1, tf.int32)
        is_right = tf.gather(_allowed_groups(labels, groups), predicted, batch_dims=1)
        return {"age_group_accuracy": tf.compat.v1.metrics.mean(is_right, weights)}

    return Head(
        "age",
        len(groups),
        lambda labels: tf.reduce_any(_allowed_groups(labels, groups), axis=-1),
        lambda labels, logits: range_losses(_allowed_groups(labels, groups), logits),
        decode,
        metrics,
        weight,
        "age_group_probabilities",
    )


def years_outside(labels: tf.Tensor, years: tf.Tensor) -> tf.Tensor:
    """Returns the distance in years to labels, float32 [batch]; 0 inside a range.

    Args:
      labels: int32 [batch], years or ranges.
      years: float32 [batch].
    """
    first, last = tf.cast(first_years(labels), tf.float32), tf.cast(last_years(labels), tf.float32)
    return tf.maximum(tf.maximum(first - years, years - last), 0.0)


def _allowed_years(labels, max_age):
    """Returns bool [batch, max_age + 1]: the years that each label means."""
    return means_year(labels[:, tf.newaxis], tf.range(max_age + 1))


def _allowed_groups(labels, groups):
    """Returns bool [batch, groups]: the groups that each label means."""
    return tf.stack(allowed_groups(labels, groups), axis=-1)


def expected_age(probabilities: tf.Tensor) -> tf.Tensor:
    """Returns the expected year of a softmax over 0, 1, ...: float32 [batch]. It minimizes RMSE."""
    years = tf.range(probabilities.shape[-1], dtype=tf.float32)
    return tf.reduce_sum(probabilities * years, axis=-1)


def age_quantile(probabilities: tf.Tensor, share: float) -> tf.Tensor:
    """Returns the first year up to which `share` of the softmax lies: float32 [batch].

    The quantile at 0.5, the median, minimizes MAE.
    """
    below = tf.cumsum(probabilities, axis=-1) < share
    # Rounding may leave a sum of 0.99999: the result is at most the last year.
    last = float(probabilities.shape[-1] - 1)
    return tf.minimum(tf.reduce_sum(tf.cast(below, tf.float32), axis=-1), last)


def _in_range(max_age: int) -> Callable:
    return lambda labels: (labels >= 0) & (first_years(labels) <= max_age)


def years_head(
    max_age: int,
    weight: float,
    losses: Callable,
    interval_mass: float,
    output_layer: Callable | None = None,
) -> Head:
    """Returns a head with a probability for each year, see `classes_head` and Head."""

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

    return Head(
        "age",
        max_age + 1,
        _in_range(max_age),
        losses,
        decode,
        _age_metrics,
        weight,
        "age_probabilities",
        output_layer,
    )


def _age_metrics(labels: tf.Tensor, outputs: dict, weights: tf.Tensor) -> dict:
    years, metrics = tf.cast(labels, tf.float32), tf.compat.v1.metrics
    outside = years_outside(labels, outputs["age"])
    result = {"age_years_outside": metrics.mean(outside, weights)}
    # Of the labels that are years; 0 without any.
    weights *= tf.cast(is_one_year(labels), tf.float32)
    result |= {
        "age_mae": metrics.mean_absolute_error(years, outputs["age"], weights),
        "age_rmse": metrics.root_mean_squared_error(years, outputs["age"], weights),
    }
    if "age_median" in outputs:
        median = outputs["age_median"]
        result["age_median_mae"] = metrics.mean_absolute_error(years, median, weights)
    return result
