"""What changed layers save in training: `python -m bench.layers [--rounds 3]`.

Images per second of a training step of the mobile_facenet backbone on one batch in memory, with
frozen batch-norm; beside the same backbone with channels first, without batch-norm (the most that
folding it into the kernels would save), with Keras' PReLU, and with ReLU instead.
"""

import argparse
import time

from bench.machine import describe
from bench.measure import alternate, compare, fresh, table

SIZE, BATCH = 112, 32


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=15, help="measured steps of a run")
    args = parser.parse_args()
    changes = {
        "as it is": {},
        "channels first": {"data_format": "channels_first"},
        "without batch-norm": {"has_norm": False},
        "Keras' PReLU": {"is_quick": False},
        "with ReLU": {"has_slopes": False},
    }
    found = alternate(
        {
            name: lambda change=change: fresh("bench.layers:run", steps=args.steps, **change)
            for name, change in changes.items()
        },
        args.rounds,
    )
    print(f"Measured on: {describe()}\n")
    print(
        table(
            [
                compare(name, rates, found["as it is"], "images/s", 1.05)
                for name, rates in found.items()
            ][1:]
        )
    )


def run(steps, data_format="channels_last", has_norm=True, is_quick=True, has_slopes=True):
    """Returns images per second, the median over the steps."""
    import statistics

    import tensorflow as tf

    from age_gender_estimation.networks import mobile_facenet

    tf.keras.backend.set_image_data_format(data_format)
    is_first = data_format == "channels_first"
    keras, layers, prelu = tf.keras.layers, mobile_facenet.layers, mobile_facenet.PReLU

    class Layers:
        """Keras' layers, some of them changed."""

        def __getattr__(self, name):
            return getattr(keras, name)

        def BatchNormalization(self, **options):
            return (
                keras.BatchNormalization(axis=1 if is_first else -1, **options)
                if has_norm
                else keras.Identity()
            )

        def Input(self, shape):
            return keras.Input([*shape[2:], *shape[:2]] if is_first else shape)

        def DepthwiseConv2D(self, size, *args, **options):
            # With channels first, shape[1] is no longer the side.
            return keras.DepthwiseConv2D(7 if size == 512 else size, *args, **options)

    def slopes(initializer, shared_axes, name):
        if not has_slopes:
            return keras.ReLU(name=name)
        layer = prelu(initializer, shared_axes=[2, 3] if is_first else shared_axes, name=name)
        layer.is_training = is_quick and not is_first  # the quick way needs channels last
        return layer

    mobile_facenet.layers, mobile_facenet.PReLU = Layers(), slopes
    try:
        model = mobile_facenet.build_mobile_facenet(SIZE)
    finally:
        mobile_facenet.layers, mobile_facenet.PReLU = layers, prelu
    images = tf.random.normal([BATCH, 3, SIZE, SIZE] if is_first else [BATCH, SIZE, SIZE, 3])

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(images, training=False) ** 2)
        for variable, gradient in zip(
            model.trainable_variables, tape.gradient(loss, model.trainable_variables)
        ):
            variable.assign_sub(1e-6 * gradient)
        return loss

    times = []
    for _ in range(3 + steps):
        start = time.perf_counter()
        step().numpy()
        times.append(time.perf_counter() - start)
    return BATCH / statistics.median(times[3:])


if __name__ == "__main__":
    main()
