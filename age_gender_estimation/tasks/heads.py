"""The heads that learn the labels, by task."""

import tensorflow as tf

from age_gender_estimation.tasks.age_heads import (
    classes_head,
    groups_head,
    regression_head,
    soft_head,
)
from age_gender_estimation.tasks.head import Head, softmax_losses
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE, LABELS


def make_heads(hparams, interval_mass=INTERVAL_COVERAGE):
    """Returns {task: Head} in the order of `hparams.tasks`.

    Args:
      hparams: HParams; tasks, max_age, age_encoding, age_sigma, age_loss and loss_weights count here.
      interval_mass: share of the age distribution that the answered interval holds.
    """
    weights = hparams.task_weights()
    return {
        name: _age_head(hparams, weights[name], interval_mass)
        if name == "age"
        else _class_head(name, weights[name])
        for name in hparams.tasks
    }


def _age_head(hparams, weight, interval_mass):
    if hparams.age_groups():
        return groups_head(hparams.age_groups(), weight)
    return {
        "classes": lambda: classes_head(hparams.max_age, weight, interval_mass),
        "soft": lambda: soft_head(hparams.max_age, hparams.age_sigma, weight, interval_mass),
        "regression": lambda: regression_head(hparams.max_age, hparams.age_loss, weight),
    }[hparams.age_encoding]()


def _class_head(name, weight):
    def decode(logits):
        return {f"{name}_probabilities": tf.nn.softmax(logits)}

    def metrics(labels, outputs, weights):
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
