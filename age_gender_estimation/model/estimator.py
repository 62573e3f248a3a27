"""The Estimator: model_fn for training, evaluation and prediction."""
import tensorflow as tf

from age_gender_estimation.model.network import backbone_config, build_network
from age_gender_estimation.tasks.heads import make_heads, mean_of_labelled, mean_over_heads


def make_estimator(hparams, model_dir, start=None, train_distribute=None):
    """Returns a tf.estimator.Estimator.

    Args:
      hparams: HParams with `tasks` filled in.
      model_dir: folder of its checkpoints.
      start: prefix of a checkpoint to take the backbone's weights from where model_dir has none yet.
      train_distribute: a tf.distribute strategy or None.
    """
    config = tf.estimator.RunConfig(
        model_dir=model_dir, tf_random_seed=hparams.seed, save_checkpoints_steps=None, save_checkpoints_secs=None,
        save_summary_steps=hparams.log_steps, log_step_count_steps=None, keep_checkpoint_max=2,
        train_distribute=train_distribute)
    params = {"hparams": hparams, "backbone": backbone_config(hparams)[0], "start": start}
    return tf.estimator.Estimator(model_fn, config=config, params=params)


def model_fn(features, labels, mode, params):
    """Builds the graph of one mode.

    Args:
      features: {"image": float32 [batch, size, size, 3] in [0, 255]}.
      labels: {task: int32 [batch]}, -1 for "not labelled"; None when predicting.
      mode: tf.estimator.ModeKeys.
      params: {"hparams": HParams, "backbone": its Keras config, "start": prefix of a checkpoint or None}.

    Returns:
      A tf.estimator.EstimatorSpec.
    """
    hparams = params["hparams"]
    heads = make_heads(hparams.tasks, hparams.max_age)
    is_training = mode == tf.estimator.ModeKeys.TRAIN
    logits, updates, _ = build_network(features["image"], params["backbone"], hparams, heads, is_training)
    if mode == tf.estimator.ModeKeys.PREDICT:
        return _prediction_spec(heads, logits)
    example_losses = {name: head.example_losses(labels[name], logits[name]) for name, head in heads.items()}
    is_labelled = {name: head.labelled(labels[name]) for name, head in heads.items()}
    head_losses = {name: mean_of_labelled(example_losses[name], is_labelled[name]) for name in heads}
    loss = mean_over_heads(list(head_losses.values()), [tf.reduce_any(flags) for flags in is_labelled.values()])
    if not is_training:
        metrics = _metrics(heads, labels, logits, example_losses, is_labelled)
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=metrics)
    if params["start"]:
        _start_from(params["start"])
    for name, head_loss in head_losses.items():
        # The progress line reads these by name.
        tf.compat.v1.summary.scalar(f"{name}_loss", tf.identity(head_loss, name=f"{name}_loss"))
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=_train_op(loss, updates, hparams))


def _train_op(loss, updates, hparams):
    step = tf.compat.v1.train.get_or_create_global_step()
    rate = tf.constant(hparams.learning_rate)
    if hparams.decay == "cosine":  # Loshchilov & Hutter, SGDR, ICLR 2017; one fall to 1% of the peak
        rate = tf.compat.v1.train.cosine_decay(hparams.learning_rate, step, hparams.num_steps, alpha=0.01)
    tf.compat.v1.summary.scalar("learning_rate", rate)
    # A Keras optimizer would make double steps under MirroredStrategy.
    optimizer = tf.compat.v1.train.AdamOptimizer(rate)
    with tf.control_dependencies(updates):
        return optimizer.minimize(loss, global_step=step)


def _start_from(start):
    saved = {name for name, _ in tf.train.list_variables(start)}
    variables = {variable.op.name: variable for variable in tf.compat.v1.global_variables()}
    tf.compat.v1.train.init_from_checkpoint(start, {name: variables[name] for name in saved})


def _prediction_spec(heads, logits):
    outputs = {}
    for name, head in heads.items():
        outputs.update(head.decode(tf.nn.softmax(logits[name])))
    export = tf.estimator.export.PredictOutput(outputs)
    return tf.estimator.EstimatorSpec(
        tf.estimator.ModeKeys.PREDICT, predictions=outputs, export_outputs={"serving_default": export})


def _metrics(heads, labels, logits, example_losses, is_labelled):
    """Returns streaming metrics over examples; the Estimator's own `loss` averages batches and is not one of them."""
    streaming_mean = tf.compat.v1.metrics.mean
    metrics, losses, has_labels = {}, [], []
    for name, head in heads.items():
        weights = tf.cast(is_labelled[name], tf.float32)
        probabilities = tf.nn.softmax(logits[name])
        metrics.update(head.metrics(labels[name], probabilities, weights))
        metrics[f"{name}_loss"] = streaming_mean(example_losses[name], weights)
        losses.append(metrics[f"{name}_loss"])
        has_labels.append(streaming_mean(weights))
    update = tf.group(*(update for _, update in (*losses, *has_labels)))
    val_loss = mean_over_heads([value for value, _ in losses], [value > 0 for value, _ in has_labels])
    with tf.control_dependencies([update]):
        metrics["val_loss"] = (val_loss, tf.constant(0.0))
    return metrics
