"""How weights change: learning rate, Adam with weight decay, the backbone's own rate, averages."""

import tensorflow as tf

from age_gender_estimation.training.hparams import HParams

AVERAGE_ENDING = "/ExponentialMovingAverage"  # of the name of an average in a checkpoint


def learning_rate(hparams: HParams, step: tf.Tensor) -> tf.Tensor:
    """Returns the learning rate at `step`, float32 scalar.

    It rises linearly in warmup_steps, then stays constant or falls along a cosine to 1% of its peak
    (Loshchilov and Hutter, SGDR, ICLR 2017).
    """
    rate = tf.constant(hparams.learning_rate)
    if hparams.decay == "cosine":
        num_steps = max(1, hparams.num_steps - hparams.warmup_steps)
        rate = tf.compat.v1.train.cosine_decay(
            hparams.learning_rate, tf.maximum(step - hparams.warmup_steps, 0), num_steps, alpha=0.01
        )
    if hparams.warmup_steps:
        rate *= tf.minimum(1.0, tf.cast(step + 1, tf.float32) / hparams.warmup_steps)
    return rate


def is_backbone_training(hparams: HParams, is_training: bool, step: tf.Tensor) -> bool | tf.Tensor:
    """Returns whether the backbone updates its batch-norm statistics and applies its dropout."""
    if not is_training or hparams.freeze_batch_norm or hparams.backbone_rate == 0:
        return False
    return step >= hparams.freeze_steps if hparams.freeze_steps else True


def make_train_op(
    loss: tf.Tensor, updates: list, backbone_variables: list[tf.Variable], hparams: HParams
) -> tf.Operation:
    """Returns the op of one training step.

    Args:
      loss: float32 scalar.
      updates: ops to run with the step: batch-norm statistics.
      backbone_variables: those that learn at backbone_rate, and not before freeze_steps.
      hparams: HParams.
    """
    step = tf.compat.v1.train.get_or_create_global_step()
    rate = learning_rate(hparams, step)
    tf.compat.v1.summary.scalar("learning_rate", rate)
    in_backbone = {variable.ref() for variable in backbone_variables}
    variables = [
        variable
        for variable in tf.compat.v1.trainable_variables()
        if hparams.backbone_rate > 0 or variable.ref() not in in_backbone
    ]
    backbone_rate = rate * hparams.backbone_rate * tf.cast(step >= hparams.freeze_steps, tf.float32)
    optimizer, backbone_optimizer = (
        AdamW(each, hparams.weight_decay) for each in (rate, backbone_rate)
    )
    # compute_gradients, not tf.gradients: it knows how many replicas a distribution strategy has.
    pairs = [pair for pair in optimizer.compute_gradients(loss, variables) if pair[0] is not None]
    if hparams.clip_norm:
        clipped = _clip([gradient for gradient, _ in pairs], hparams.clip_norm)
        pairs = [(gradient, variable) for gradient, (_, variable) in zip(clipped, pairs)]
    backbone = [pair for pair in pairs if pair[1].ref() in in_backbone]
    heads = [pair for pair in pairs if pair[1].ref() not in in_backbone]
    with tf.control_dependencies(updates):
        train_op = backbone_optimizer.apply_gradients(backbone) if backbone else tf.no_op()
        with tf.control_dependencies([train_op]):
            train_op = optimizer.apply_gradients(heads, global_step=step)
    if hparams.ema:
        with tf.control_dependencies([train_op]):
            train_op = tf.distribute.get_replica_context().merge_call(
                lambda strategy: _update_averages(hparams)
            )
    return train_op


def _clip(gradients, norm):
    """Returns gradients scaled to this global norm at most, that of their sum over all replicas."""
    num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if num_replicas == 1:
        return tf.clip_by_global_norm(gradients, norm)[0]
    gradients = tf.distribute.get_replica_context().all_reduce(
        tf.distribute.ReduceOp.SUM, gradients
    )
    # The optimizer adds them up again.
    return [gradient / num_replicas for gradient in tf.clip_by_global_norm(gradients, norm)[0]]


def averaging_saver(hparams: HParams) -> tf.compat.v1.train.Saver | None:
    """Returns a Saver that reads the moving averages into the variables; None without --ema."""
    if not hparams.ema:
        return None
    return tf.compat.v1.train.Saver(
        _moving_averages(hparams).variables_to_restore(tf.compat.v1.trainable_variables())
    )


class AdamW(tf.compat.v1.train.AdamOptimizer):
    """Adam with decoupled weight decay of kernels, not of biases, batch-norms and slopes.

    Loshchilov and Hutter, ICLR 2019. A Keras optimizer makes double steps under MirroredStrategy.
    """

    def __init__(self, rate: tf.Tensor, decay: float) -> None:
        super().__init__(rate)
        self._rate, self._decay = rate, decay

    def _resource_apply_dense(self, grad, var):
        step = super()._resource_apply_dense(grad, var)
        if not self._decay or "kernel" not in var.name:
            return step
        with tf.control_dependencies([step]):
            return var.assign_sub(self._rate * self._decay * var, use_locking=False)


def _update_averages(hparams):
    # Called once for all replicas, whose variables are equal. Called in each replica, apply()
    # reduces every variable over them, and two workers wait for each other before the first step.
    step = tf.compat.v1.train.get_global_step()
    return _moving_averages(hparams, step).apply(tf.compat.v1.trainable_variables())


def _moving_averages(hparams, step=None):
    # With the step, the first averages change faster: min(decay, (1 + step) / (10 + step)).
    return tf.train.ExponentialMovingAverage(hparams.ema, num_updates=step)
