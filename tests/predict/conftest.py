"""An export as TensorFlow Serving runs it: a session, fed and fetched by the tensor names of a signature."""

import pytest
import tensorflow as tf


class Served:
    """An export in a session.

    Attributes:
      signatures: {name: SignatureDef}.
    """

    def __init__(self, path):
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            self.signatures = tf.compat.v1.saved_model.loader.load(
                self._session, ["serve"], path
            ).signature_def

    def answer(self, request):
        """Returns {output: array} of a PredictRequest."""
        signature = self.signatures[request.model_spec.signature_name]
        feeds = {
            signature.inputs[name].name: tf.make_ndarray(proto)
            for name, proto in request.inputs.items()
        }
        names = sorted(signature.outputs)
        return dict(
            zip(names, self._session.run([signature.outputs[name].name for name in names], feeds))
        )


@pytest.fixture(scope="session")
def served(predictor):
    return Served(predictor.path)
