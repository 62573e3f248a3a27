"""Backbone and heads: images -> logits per task."""
import os

import tensorflow as tf

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.model.backbones import BACKBONES

HEAD_UNITS = 1024  # of the hidden layer in front of each head's logits, as in the article


def backbone_config(hparams, weights=None):
    """Returns the Keras config of the backbone, and its weights as a list of arrays.

    Built eagerly, that is outside model_fn: in graph mode Keras evaluates every constant of MobileNetV3 in a session of
    its own, 8 of the 10 seconds that a graph of it took.

    Args:
      hparams: HParams.
      weights: None, "imagenet" or a Keras .h5 file.
    """
    tf.keras.backend.reset_uids()  # variables must have the names of the checkpoint, whatever was built before
    model = BACKBONES[hparams.backbone].build(hparams.img_size, weights if weights == "imagenet" else None)
    if weights not in (None, "imagenet"):
        model.load_weights(weights)
    return model.get_config(), model.get_weights()


def build_network(images, config, hparams, heads, is_training, is_body_training=None):
    """Builds the network in the current graph.

    Args:
      images: float32 [batch, size, size, 3] in [0, 255].
      config: of the backbone, from `backbone_config`.
      hparams: HParams.
      heads: {task: Head}.
      is_training: whether dropout and batch-norm statistics are those of training.

    Returns:
      ({task: logits float32 [batch, num_classes]}, list of update ops to run with a training step).
    """
    model = tf.keras.Model.from_config(config)
    standardized = BACKBONES[hparams.backbone].standardize(images)
    is_body_training = is_training if is_body_training is None else is_body_training
    features = model(standardized, training=is_body_training)
    logits = {}
    for name, head in heads.items():
        hidden = tf.keras.layers.Dense(HEAD_UNITS, activation="relu", name=f"{name}_hidden")(features)
        logits[name] = tf.keras.layers.Dense(head.num_logits, name=f"{name}_logits")(hidden)
    return logits, model.get_updates_for(standardized) if is_training else [], model.trainable_variables


def write_start(hparams, path):
    """Writes the checkpoint that a backbone with pretrained weights starts from.

    Weights set inside model_fn would be overwritten by the Estimator's initialisation, hence the way through a file.

    Args:
      hparams: HParams; `weights` is "imagenet" or a Keras .h5 file of the backbone's layers.
      path: prefix of the checkpoint.

    Raises:
      InputError: the weights cannot be had or do not fit.
    """
    is_file = hparams.weights != "imagenet"
    if not is_file and hparams.backbone == "cnn":
        raise SettingError("--weights imagenet: nobody has published such weights for cnn; use none or a file")
    if is_file and not os.path.isfile(hparams.weights):
        raise InputError(f"--weights: expected none, imagenet or a file, found no file {hparams.weights}")
    try:
        config, weights = backbone_config(hparams, hparams.weights)
    except Exception as error:  # Keras raises whatever its downloader or h5py meets
        raise InputError(f"--weights {hparams.weights}: cannot be loaded into {hparams.backbone} "
                         f"({_first_line(error)})") from None
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.compat.v1.keras.backend.set_session(session)
        model = tf.keras.Model.from_config(config)
        model.set_weights(weights)
        tf.compat.v1.train.Saver(model.variables).save(session, path, write_meta_graph=False)
    tf.keras.backend.clear_session()


def _first_line(error):
    return str(error).strip().split("\n")[0][:200]
