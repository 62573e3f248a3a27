"""The heads of a model, by task."""

from typing import Any

import tensorflow as tf

from age_gender_estimation.tasks.age_heads import (
    classes_head,
    groups_head,
    mean_variance_head,
    regression_head,
    soft_head,
)
from age_gender_estimation.tasks.coral import coral_head
from age_gender_estimation.tasks.head import Head, softmax_losses
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE, LABELS


def make_heads(hparams: Any, interval_mass: float = INTERVAL_COVERAGE) -> dict[str, Head]:
    """Returns {task: Head} in the order of `hparams.tasks`.

    Args:
      hparams: training.hparams.HParams; its tasks, max_age, age_encoding, age_sigma, age_loss and
        loss_weights are used.
      interval_mass: share of the age distribution in the predicted interval.
    """
    weights = hparams.task_weights()
    return {
        name: _age_head(hparams, weights[name], interval_mass)
        if name == "age"
        else _class_head(name, weights[name])
        for name in hparams.tasks
    }


def _age_head(hparams: Any, weight: float, interval_mass: float) -> Head:
    if hparams.age_groups():
        return groups_head(hparams.age_groups(), weight)
    if hparams.age_encoding == "soft":
        return soft_head(hparams.max_age, hparams.age_sigma, weight, interval_mass)
    if hparams.age_encoding == "regression":
        return regression_head(hparams.max_age, hparams.age_loss, weight)
    make_head = {"classes": classes_head, "mean_variance": mean_variance_head, "coral": coral_head}[
        hparams.age_encoding
    ]
    return make_head(hparams.max_age, weight, interval_mass)


def _class_head(name: str, weight: float) -> Head:
    num_classes = LABELS[name].highest + 1

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"{name}_probabilities": tf.nn.softmax(logits)}

    def metrics(labels: tf.Tensor, outputs: dict, weights: tf.Tensor) -> dict:
        predicted = tf.argmax(outputs[f"{name}_probabilities"], -1, tf.int32)
        return {f"{name}_accuracy": tf.compat.v1.metrics.accuracy(labels, predicted, weights)}

    def labelled(labels: tf.Tensor) -> tf.Tensor:
        return (labels >= 0) & (labels < num_classes)

    return Head(
        name,
        num_classes,
        labelled,
        softmax_losses,
        decode,
        metrics,
        weight,
        f"{name}_probabilities",
    )
