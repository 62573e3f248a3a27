"""Backbone and heads: images -> logits per task."""

import os
from typing import NamedTuple

import tensorflow as tf

from age_gender_estimation.data.images import mirror_border
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.networks.mobile_facenet import PReLU
from age_gender_estimation.networks.published_weights import load_published_weights
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import short_message


class Network(NamedTuple):
    """What `build_network` returns.

    Attributes:
      logits: {task: float32 [batch, num_logits]}.
      updates: list of ops that move batch-norm statistics, to run with a training step.
      backbone_variables: list of the backbone's variables, batch-norm statistics included; all others are the heads'.
    """

    logits: dict
    updates: list
    backbone_variables: list


def backbone_config(hparams, weights=None):
    """Returns the Keras config of the backbone, and its weights as a list of arrays.

    Built eagerly, that is outside model_fn: in graph mode Keras evaluates every constant of MobileNetV3 in a session of
    its own, 8 of the 10 seconds that a graph of it took.

    Args:
      hparams: HParams.
      weights: None, "imagenet" or a file of published weights, .npz or .h5.
    """
    tf.keras.backend.reset_uids()  # variables must have the names of the checkpoint, whatever was built before
    model = BACKBONES[hparams.backbone].build(
        hparams.network_size(), weights if weights == "imagenet" else None
    )
    if weights not in (None, "imagenet"):
        load_published_weights(model, weights)
    return model.get_config(), model.get_weights()


def build_network(images, config, hparams, heads, is_training, is_backbone_training=None):
    """Builds the network in the current graph.

    Args:
      images: float32 [batch, size, size, 3] in [0, 255].
      config: of the backbone, from `backbone_config`.
      hparams: HParams.
      heads: {task: Head}.
      is_training: bool, whether dropout and batch-norm statistics are those of training.
      is_backbone_training: the same for the backbone alone, a bool or a scalar bool tensor; None for `is_training`.

    Returns:
      A Network. Where `is_backbone_training` is a tensor, its updates change nothing while that is False.
    """
    # Keras draws initial weights from a generator of its own, which the Estimator's seed does not reach.
    tf.keras.utils.set_random_seed(hparams.seed)
    model = tf.keras.Model.from_config(config)
    for layer in model.layers:
        if isinstance(layer, PReLU):
            layer.is_training = is_training
    standardized = BACKBONES[hparams.backbone].standardize(
        mirror_border(images, hparams.mirror_border)
    )
    is_backbone_training = is_training if is_backbone_training is None else is_backbone_training
    features = model(standardized, training=is_backbone_training)
    logits = build_heads(features, hparams, heads, is_training)
    updates = [] if is_backbone_training is False else model.get_updates_for(standardized)
    return Network(logits, updates, model.variables)


def build_heads(features, hparams, heads, is_training):
    """Builds the shared dense layers and, on top of them, each task's own.

    Args:
      features: float32 [batch, units] of the backbone.
      hparams: HParams; `dense_units`, `head_units`, `activation` and `dropout` are read.
      heads: {task: Head}.
      is_training: bool, whether inputs of the heads are dropped.

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
        logits[name] = tf.keras.layers.Dense(head.num_logits, name=f"{name}_logits")(hidden)
    return logits


def _dense(features, sizes, activation, name):
    """Dense layers `name`, `name`_2, ...; checkpoints of one hidden layer know it without a number."""
    # "relu" or "leaky_relu", whose slope for negative inputs is 0.2 here and 0.3 in Keras' layer.
    function = getattr(tf.nn, activation)
    for number, size in enumerate(sizes, start=1):
        layer_name = name if number == 1 else f"{name}_{number}"
        features = tf.keras.layers.Dense(size, function, name=layer_name)(features)
    return features


def write_start(hparams, path):
    """Writes the checkpoint that a backbone with pretrained weights starts from.

    Weights set inside model_fn would be overwritten by the Estimator's initialisation, hence the way through a file.

    Args:
      hparams: HParams; `weights` is "imagenet" or a file of published weights, .npz or .h5.
      path: prefix of the checkpoint.

    Raises:
      InputError: the weights cannot be had or do not fit.
    """
    config, weights = _pretrained(hparams)
    filesystem.makedirs(os.path.dirname(path))  # only now: refused weights leave nothing behind
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.keras.backend.set_session(session)
        model = tf.keras.Model.from_config(config)
        model.set_weights(weights)
        tf.compat.v1.train.Saver(model.variables).save(session, path, write_meta_graph=False)
    tf.keras.backend.clear_session()


def _pretrained(hparams):
    """Returns `backbone_config` with the weights that the hyper-parameters ask for."""
    if hparams.weights != "imagenet":
        if not filesystem.isfile(hparams.weights):
            raise InputError(
                f"--weights: expected none, imagenet or a file, found no file {hparams.weights}"
            )
        return backbone_config(hparams, hparams.weights)
    if not BACKBONES[hparams.backbone].has_imagenet:
        raise SettingError(
            f"--weights imagenet: nobody has published such weights for {hparams.backbone}; use none or a "
            "file"
        )
    try:
        return backbone_config(hparams, "imagenet")
    except Exception as error:  # Keras raises whatever its downloader meets
        reason = short_message(error)
        raise InputError(
            f"--weights imagenet: cannot be loaded into {hparams.backbone} ({reason})"
        ) from None
