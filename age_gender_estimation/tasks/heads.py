"""The heads of a network, made from the hyper-parameters."""

from typing import Any

import tensorflow as tf

from age_gender_estimation.tasks.age_heads import (
    classes_head,
    groups_head,
    regression_head,
    soft_head,
)
from age_gender_estimation.tasks.head import Head, softmax_losses
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE, LABELS


def make_heads(hparams: Any, interval_mass: float = INTERVAL_COVERAGE) -> dict[str, Head]:
    """Returns {task: Head} in the order of `hparams.tasks`.

    Args:
      hparams: training.hparams.HParams: tasks, max_age, age_encoding, age_sigma, age_loss,
        loss_weights.
      interval_mass: the share of the age distribution between `age_low` and `age_high`.
    """
    weights = hparams.task_weights()
    heads = {}
    for name in hparams.tasks:
        if name == "age":
            heads[name] = _age_head(hparams, weights[name], interval_mass)
        else:
            heads[name] = _class_head(name, weights[name])
    return heads


def _age_head(hparams: Any, weight: float, interval_mass: float) -> Head:
    if groups := hparams.age_groups():
        return groups_head(groups, weight)
    if hparams.age_encoding == "classes":
        return classes_head(hparams.max_age, weight, interval_mass)
    if hparams.age_encoding == "soft":
        return soft_head(hparams.max_age, hparams.age_sigma, weight, interval_mass)
    return regression_head(hparams.max_age, hparams.age_loss, weight)


def _class_head(name: str, weight: float) -> Head:
    """Returns a softmax over the classes of a label, with its accuracy."""

    def decode(logits: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"{name}_probabilities": tf.nn.softmax(logits)}

    def metrics(
        labels: tf.Tensor, outputs: dict[str, tf.Tensor], weights: tf.Tensor
    ) -> dict[str, tuple]:
        predicted = tf.argmax(outputs[f"{name}_probabilities"], -1, tf.int32)
        return {f"{name}_accuracy": tf.compat.v1.metrics.accuracy(labels, predicted, weights)}

    num_classes = LABELS[name].highest + 1
    return Head(
        name,
        num_classes,
        lambda labels: (labels >= 0) & (labels < num_classes),
        softmax_losses,
        decode,
        metrics,
        weight,
    )
