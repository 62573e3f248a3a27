"""The Estimator: model_fn for training, evaluation and prediction."""

import logging
import os
from typing import Any

import tensorflow as tf

from age_gender_estimation.data.csv_rows import ANSWERS
from age_gender_estimation.networks.network import backbone_config, build_network
from age_gender_estimation.tasks.head import joint_loss, mean_divergence, mean_over_heads
from age_gender_estimation.tasks.heads import make_heads
from age_gender_estimation.training.distributed.distribution import OneDevice
from age_gender_estimation.training.hparams import HParams
from age_gender_estimation.training.optimizer import (
    AVERAGE_ENDING,
    averaging_saver,
    is_backbone_training,
    make_train_op,
)

logger = logging.getLogger(__name__)


def make_estimator(
    hparams: HParams,
    model_dir: str | os.PathLike[str],
    start: str | None = None,
    distribution: OneDevice | None = None,
    calibration: Any = None,
) -> tf.estimator.Estimator:
    """Returns the Estimator of a model.

    Args:
      hparams: HParams with `tasks` filled in.
      model_dir: folder of its checkpoints.
      start: prefix of a checkpoint to take weights from where model_dir has no checkpoint yet.
      distribution: where it trains; on one device if None.
      calibration: export.calibration.Calibration of its predictions; none if None.
    """
    params = {
        "hparams": hparams,
        "backbone": backbone_config(hparams)[0],
        "start": start,
        "calibration": calibration,
    }
    config = _run_config(hparams, str(model_dir), distribution or OneDevice())
    return tf.estimator.Estimator(model_fn, config=config, params=params)


def make_evaluator(hparams: HParams, estimator: tf.estimator.Estimator) -> tf.estimator.Estimator:
    """Returns an Estimator of the same model, outside of any cluster, to evaluate checkpoints."""
    config = _run_config(hparams, estimator.model_dir, OneDevice())
    return tf.estimator.Estimator(model_fn, config=config, params=estimator.params)


def _run_config(
    hparams: HParams, model_dir: str, distribution: OneDevice
) -> tf.estimator.RunConfig:
    with distribution.environment():
        return tf.estimator.RunConfig(
            model_dir=model_dir,
            tf_random_seed=hparams.seed,
            save_checkpoints_steps=None,
            save_checkpoints_secs=None,
            save_summary_steps=hparams.log_steps,
            log_step_count_steps=None,
            keep_checkpoint_max=2,
            train_distribute=distribution.strategy,
            session_config=distribution.session_config(),
        )


def model_fn(features: dict, labels: Any, mode: str, params: dict):
    """Builds the graph of one mode.

    Args:
      features: {"image": uint8 [batch, size, size, 3], or float32 in [0, 255]}.
      labels: {task: int32 [batch]}, -1 for "not labelled"; None when predicting.
      mode: tf.estimator.ModeKeys.
      params: {"hparams": HParams, "backbone": its Keras config, "start": prefix of a checkpoint or
        None, "calibration": Calibration of predictions or None}.

    Returns:
      A tf.estimator.EstimatorSpec.
    """
    hparams = params["hparams"]
    heads = make_heads(hparams)
    is_training = mode == tf.estimator.ModeKeys.TRAIN
    images = tf.cast(features["image"], tf.float32)
    if not is_training:
        logits = _average_logits(images, params["backbone"], hparams, heads)
        scaffold = tf.compat.v1.train.Scaffold(saver=averaging_saver(hparams))
        if mode == tf.estimator.ModeKeys.PREDICT:
            return _prediction_spec(hparams, logits, params["calibration"], scaffold)
        loss, _ = joint_loss(heads, labels, logits)
        return tf.estimator.EstimatorSpec(
            mode, loss=loss, eval_metric_ops=_metrics(heads, labels, logits), scaffold=scaffold
        )
    step = tf.compat.v1.train.get_or_create_global_step()
    logits, updates, backbone_variables = build_network(
        images, params["backbone"], hparams, heads, True, is_backbone_training(hparams, True, step)
    )
    loss, head_losses = joint_loss(heads, labels, logits)
    if hparams.teacher:
        answers = {name: labels[name + ANSWERS] for name in heads if name + ANSWERS in labels}
        loss += hparams.teacher_weight * mean_divergence(heads, answers, logits)
    if params["start"]:
        _start_from(params["start"])
    for name, head_loss in head_losses.items():
        # The progress line reads these by name.
        tf.compat.v1.summary.scalar(f"{name}_loss", tf.identity(head_loss, name=f"{name}_loss"))
    return tf.estimator.EstimatorSpec(
        mode, loss=loss, train_op=make_train_op(loss, updates, backbone_variables, hparams)
    )


def _average_logits(images, config, hparams, heads):
    """Returns {task: logits}; with flip_average, means over each image and its mirror image."""
    if not hparams.flip_average:
        return build_network(images, config, hparams, heads, False).logits
    both = tf.concat([images, tf.reverse(images, axis=[2])], axis=0)
    logits = build_network(both, config, hparams, heads, False).logits
    return {name: sum(tf.split(values, 2)) / 2 for name, values in logits.items()}


def _start_from(start):
    """Takes initial values from a checkpoint, for every variable that it has in the same shape."""
    variables = {
        variable.op.name: variable
        for variable in tf.compat.v1.global_variables()
        if variable.shape.rank
    }
    fitting, left = {}, []
    for name, shape in tf.train.list_variables(start):
        # The weights in an export of a model with --ema have the names of averages.
        variable = variables.get(name.removesuffix(AVERAGE_ENDING))
        if variable is not None and variable.shape == shape:
            fitting[name] = variable
        elif shape:  # not the global step
            left.append(name.removesuffix(AVERAGE_ENDING))
    if left:
        logger.info("not in this network, left out: %s", ", ".join(left))
    tf.compat.v1.train.init_from_checkpoint(start, fitting)


def _prediction_spec(hparams, logits, calibration, scaffold):
    temperatures = calibration.temperatures if calibration else {}
    heads = make_heads(hparams, calibration.interval_mass) if calibration else make_heads(hparams)
    outputs = {}
    for name, head in heads.items():
        outputs.update(head.decode(logits[name] / temperatures.get(name, 1.0)))
    export = tf.estimator.export.PredictOutput(outputs)
    return tf.estimator.EstimatorSpec(
        tf.estimator.ModeKeys.PREDICT,
        predictions=outputs,
        export_outputs={"serving_default": export},
        scaffold=scaffold,
    )


def _metrics(heads, labels, logits):
    """Returns streaming metrics over examples; the Estimator's own `loss` is over batches."""
    streaming_mean = tf.compat.v1.metrics.mean
    metrics, losses, has_labels = {}, [], []
    for name, head in heads.items():
        weights = tf.cast(head.labelled(labels[name]), tf.float32)
        metrics.update(head.metrics(labels[name], head.decode(logits[name]), weights))
        metrics[f"{name}_loss"] = streaming_mean(
            head.example_losses(labels[name], logits[name]), weights
        )
        losses.append(metrics[f"{name}_loss"])
        has_labels.append(streaming_mean(weights))
    update = tf.group(*(update for _, update in (*losses, *has_labels)))
    val_loss = mean_over_heads(
        [value for value, _ in losses],
        [value > 0 for value, _ in has_labels],
        [head.weight for head in heads.values()],
    )
    with tf.control_dependencies([update]):
        metrics["val_loss"] = (val_loss, tf.constant(0.0))
    return metrics
