"""Backbone and heads: images -> logits per task."""

import os
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from age_gender_estimation.data.images import mirror_border
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.networks.published_weights import load_published_weights
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message
from age_gender_estimation.tasks.head import Head

HParams = Any  # training.hparams.HParams: this room does not know training


class Network(NamedTuple):
    """What `build_network` returns.

    Attributes:
      logits: {task: float32 [batch, num_logits]}.
      updates: ops that update batch-norm statistics, to run with a training step.
      backbone_variables: the backbone's variables with its batch-norm statistics; all others belong
        to the heads.
    """

    logits: dict[str, tf.Tensor]
    updates: list
    backbone_variables: list[tf.Variable]


def backbone_config(hparams: HParams, weights: str | None = None) -> tuple[dict, list[np.ndarray]]:
    """Returns the Keras config of the backbone and its weights.

    It is built eagerly, outside of model_fn. In graph mode, Keras evaluates every constant of
    MobileNetV3 in a session of its own, which takes 8 of the 10 seconds of building its graph.

    Args:
      hparams: HParams.
      weights: None, "imagenet" or a file of published weights, .npz or .h5.
    """
    # Variables get the names of the checkpoint, whatever was built before.
    tf.keras.backend.reset_uids()
    model = BACKBONES[hparams.backbone].build(
        hparams.network_size(), weights if weights == "imagenet" else None
    )
    if weights not in (None, "imagenet"):
        load_published_weights(model, weights, BACKBONES[hparams.backbone].convert)
    return model.get_config(), model.get_weights()


def build_network(
    images: tf.Tensor,
    config: dict,
    hparams: HParams,
    heads: dict[str, Head],
    is_training: bool,
    is_backbone_training: bool | tf.Tensor | None = None,
) -> Network:
    """Builds the network in the current graph.

    Args:
      images: float32 [batch, size, size, 3] in [0, 255].
      config: of the backbone, from `backbone_config`.
      hparams: HParams.
      heads: {task: Head}.
      is_training: whether dropout and batch-norm are those of training.
      is_backbone_training: the same for the backbone, a bool or a scalar bool tensor; `is_training`
        if None.

    Returns:
      A Network. While a tensor `is_backbone_training` is False, its updates change nothing.
    """
    # Keras draws initial weights from its own generator, which the Estimator's seed does not reach.
    tf.keras.utils.set_random_seed(hparams.seed)
    model = tf.keras.Model.from_config(config)
    for layer in model.layers:
        if hasattr(layer, "is_training"):  # it has a faster form for training
            layer.is_training = is_training
    standardized = BACKBONES[hparams.backbone].standardize(
        mirror_border(images, hparams.mirror_border)
    )
    is_backbone_training = is_training if is_backbone_training is None else is_backbone_training
    features = model(standardized, training=is_backbone_training)
    logits = build_heads(features, hparams, heads, is_training)
    updates = [] if is_backbone_training is False else model.get_updates_for(standardized)
    return Network(logits, updates, model.variables)


def build_heads(
    features: tf.Tensor, hparams: HParams, heads: dict[str, Head], is_training: bool
) -> dict[str, tf.Tensor]:
    """Builds the dense layers that all tasks share and, on top of them, each task's own.

    Args:
      features: float32 [batch, units] of the backbone.
      hparams: HParams; `dense_units`, `head_units`, `activation` and `dropout` count here.
      heads: {task: Head}.
      is_training: whether to apply dropout.

    Returns:
      {task: logits float32 [batch, num_logits]}.
    """
    features = _dense(features, hparams.dense_units, hparams.activation, "shared")
    logits = {}
    for name, head in heads.items():
        hidden = (
            tf.nn.dropout(features, hparams.dropout)
            if is_training and hparams.dropout
            else features
        )
        hidden = _dense(hidden, hparams.head_units, hparams.activation, f"{name}_hidden")
        make_layer = head.output_layer or tf.keras.layers.Dense
        logits[name] = make_layer(head.num_logits, name=f"{name}_logits")(hidden)
    return logits


def _dense(features, sizes, activation, name):
    """Applies dense layers `name`, `name`_2, ...; early checkpoints have one, without a number."""
    # "relu" or "leaky_relu", whose slope for negative inputs is 0.2 here and 0.3 in Keras' layer.
    function = getattr(tf.nn, activation)
    for number, size in enumerate(sizes, start=1):
        layer_name = name if number == 1 else f"{name}_{number}"
        features = tf.keras.layers.Dense(size, function, name=layer_name)(features)
    return features


def write_start(hparams: HParams, path: str) -> None:
    """Writes the checkpoint from which a backbone with published weights starts.

    The Estimator's initialization would overwrite weights that model_fn sets.

    Args:
      hparams: HParams; `weights` is "imagenet" or a file of published weights, .npz or .h5.
      path: prefix of the checkpoint.

    Raises:
      InputError: the weights cannot be downloaded or read, or do not fit.
      SettingError: there are no ImageNet weights for the backbone.
    """
    config, weights = _published(hparams)
    filesystem.makedirs(os.path.dirname(path))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.keras.backend.set_session(session)
        model = tf.keras.Model.from_config(config)
        model.set_weights(weights)
        tf.compat.v1.train.Saver(model.variables).save(session, path, write_meta_graph=False)
    tf.keras.backend.clear_session()


def _published(hparams: HParams) -> tuple[dict, list[np.ndarray]]:
    """Returns `backbone_config` with the weights that the hyper-parameters name."""
    if hparams.weights != "imagenet":
        if not filesystem.isfile(hparams.weights):
            raise InputError(
                f"--weights: expected none, imagenet or a file, found no file {hparams.weights}"
            )
        return backbone_config(hparams, hparams.weights)
    if not BACKBONES[hparams.backbone].has_imagenet:
        raise SettingError(
            f"--weights imagenet: Keras has no ImageNet weights for {hparams.backbone}; "
            "use none or a file"
        )
    try:
        return backbone_config(hparams, "imagenet")
    except Exception as error:  # Keras raises whatever its downloader raises
        reason = short_message(error)
        raise InputError(
            f"--weights imagenet: cannot be loaded into {hparams.backbone} ({reason})"
        ) from None
