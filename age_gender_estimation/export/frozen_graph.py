"""SavedModel -> its graph from the resized pixels to the outputs, with the weights as constants.

The resizing is left out: neither ONNX nor TensorFlow Lite has an op for it, and `predict.resize`
does the same in NumPy.
"""

from typing import NamedTuple

import tensorflow as tf

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.error_text import short_message

SIGNATURE = "serving_default"


class FrozenGraph(NamedTuple):
    """What `freeze` returns.

    Attributes:
      graph_def: the GraphDef, without variables.
      outputs: {output: name of its tensor}.
      img_size: side in pixels of `image`, float32 [batch, img_size, img_size, 3] in [0, 255].
    """

    graph_def: tf.compat.v1.GraphDef
    outputs: dict[str, str]
    img_size: int


def freeze(export: str, batch_size: int | None = None) -> FrozenGraph:
    """Returns the graph of a SavedModel, which begins with a placeholder named `image`.

    Args:
      export: the folder of the SavedModel.
      batch_size: of the placeholder; free if None.

    Raises:
      InputError: it is no SavedModel of this project.
    """
    broken = OSError, ValueError, LookupError, RuntimeError, tf.errors.OpError
    try:
        with tf.Graph().as_default() as graph, tf.compat.v1.Session() as session:
            loaded = tf.compat.v1.saved_model.load(session, ["serve"], export)
            outputs = {
                name: info.name for name, info in loaded.signature_def[SIGNATURE].outputs.items()
            }
            pixels = _pixels(graph)
            constant = tf.compat.v1.graph_util.convert_variables_to_constants(
                session, graph.as_graph_def(), [name.partition(":")[0] for name in outputs.values()]
            )
    except broken as error:
        reason = f"{type(error).__name__}: {short_message(error)}"
        raise InputError(
            f"{export}: expected a SavedModel exported by this project ({reason})"
        ) from None
    size = pixels.shape[1]
    with tf.Graph().as_default() as graph:
        image = tf.compat.v1.placeholder(tf.float32, [batch_size, size, size, 3], "image")
        names = list(outputs)
        tensors = tf.graph_util.import_graph_def(
            constant, {pixels.name: image}, [outputs[name] for name in names], name="model"
        )
        outputs = {name: tf.identity(each, name).name for name, each in zip(names, tensors)}
        graph_def = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), names)
    return FrozenGraph(graph_def, outputs, size)


def _pixels(graph: tf.Graph) -> tf.Tensor:
    """Returns the first float tensor: the resized images of both signatures, cast."""
    (cast,) = (
        operation
        for operation in graph.get_operations()
        if operation.type == "Cast"
        and operation.inputs[0].dtype == tf.uint8
        and operation.outputs[0].shape.rank == 4
    )
    return cast.outputs[0]
