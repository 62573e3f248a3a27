"""Converts MTCNN's three networks from the `mtcnn` wheel (MIT licence) to ONNX, once.

    python -m tools.convert_mtcnn

Writes pnet.onnx, rnet.onnx and onet.onnx with the wheel's licence into faces/weights/. The networks
are those of Zhang et al. 2016; the layers below are put together from the wheel's arrays, so that
neither TensorFlow nor a converter is needed. It needs `pip install mtcnn lz4 joblib onnx`.

Every network takes float32 [batch, 3, height, width] RGB, (pixel - 127.5) / 128, and returns
the `logit` of a face, `box` (the four corrections), and from onet `landmarks` (5 x, then 5 y).
"""

import importlib.metadata
import pathlib

import joblib
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TARGET = pathlib.Path(__file__).resolve().parent.parent / "age_gender_estimation/faces/weights"
OPSET, IR_VERSION = 13, 8  # onnxruntime reads them since 1.14
# The layers before the outputs. A number is the kernel of a convolution, whose activation is a
# PReLU; "dense" has one too; the others are poolings, (kernel, padding), with a stride of 2.
LAYERS = {
    "pnet": (3, (2, "same"), 3, 3),
    "rnet": (3, (3, "same"), 3, (3, "valid"), 2, "dense"),
    "onet": (3, (3, "same"), 3, (3, "valid"), 3, (2, "same"), 2, "dense"),
}
OUTPUTS = {
    "pnet": ("box", "logit"),
    "rnet": ("box", "logit"),
    "onet": ("box", "landmarks", "logit"),
}
COUNTS = {"box": 4, "landmarks": 10, "logit": 1}
SIDES = {"pnet": None, "rnet": 24, "onet": 48}  # pixels of the image; pnet takes any


class Network:
    """An ONNX graph that grows layer by layer.

    Args:
      arrays: the wheel's, in the order of the layers.
    """

    def __init__(self, arrays: list[np.ndarray]) -> None:
        self._arrays = iter(arrays)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.last = "image"  # name of the newest tensor
        self._is_flat = False

    def _add(self, kind: str, *weights: np.ndarray, output: str = "", **options) -> None:
        names = [f"w{len(self.weights) + index}" for index in range(len(weights))]
        self.weights += [
            numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)
            for array, name in zip(weights, names)
        ]
        output = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.last, *names], [output], **options))
        self.last = output

    def _next(self) -> np.ndarray:
        return next(self._arrays)

    def add_layer(self, layer) -> None:
        """Adds one of LAYERS."""
        if isinstance(layer, tuple):
            kernel, padding = layer
            padding = {"same": "SAME_UPPER", "valid": "VALID"}[padding]
            shape, strides = [kernel, kernel], [2, 2]
            self._add("MaxPool", kernel_shape=shape, strides=strides, auto_pad=padding)
            return
        if layer == "dense":
            self._dense(self._next(), self._next())
        else:
            # [height, width, in, out] -> [out, in, height, width]
            self._add("Conv", self._next().transpose(3, 2, 0, 1), self._next())
        slopes = self._next().reshape(-1)
        self._add("PRelu", slopes if layer == "dense" else slopes[:, None, None])

    def add_first_layer(self, kernel_side: int) -> None:
        """Adds a convolution and its PReLU on the full image, where onnxruntime's PRelu is slow.

        prelu(x) = relu(x) - slope * relu(-x): a convolution of twice the channels, and one of a
        pixel that joins them. No digit changes, because one of the two is 0.
        """
        kernel, bias, slopes = self._next(), self._next(), self._next().reshape(-1)
        if kernel.shape[:2] != (kernel_side, kernel_side):
            raise ValueError(f"expected a kernel of side {kernel_side}, got {kernel.shape}")
        both = np.concatenate([kernel, -kernel], axis=-1).transpose(3, 2, 0, 1)
        self._add("Conv", both, np.concatenate([bias, -bias]))
        self._add("Relu")
        joined = np.concatenate([np.eye(len(slopes)), -np.diag(slopes)], axis=1)
        self._add("Conv", joined[:, :, None, None])

    def _dense(self, kernel: np.ndarray, bias: np.ndarray, output: str = "") -> None:
        if not self._is_flat:
            # The wheel's rows are ordered by (x, y, channel), ours by (channel, y, x).
            self._add("Flatten", axis=1)
            channels = len(numpy_helper.to_array(self.weights[-1]))
            side = round((len(kernel) / channels) ** 0.5)
            kernel = kernel.reshape(side, side, channels, -1).transpose(2, 1, 0, 3)
            kernel = kernel.reshape(side * side * channels, -1)
            self._is_flat = True
        self._add("Gemm", kernel, bias, output=output)

    def add_output(self, name: str) -> None:
        """Adds one of OUTPUTS, computed from the last layer."""
        before, (kernel, bias) = self.last, (self._next(), self._next())
        if name == "logit":  # a softmax over two classes is a sigmoid of their difference
            kernel, bias = kernel[..., 1:] - kernel[..., :1], bias[1:] - bias[:1]
        if self._is_flat:
            self._dense(kernel, bias, name)
        else:
            self._add("Conv", kernel.transpose(3, 2, 0, 1), bias, output=name)
        self.last = before


def convert(name: str, arrays: list[np.ndarray]) -> onnx.ModelProto:
    """Returns a network.

    Args:
      name: one of LAYERS.
      arrays: the wheel's, in the order of the layers.

    Raises:
      ValueError: there are more arrays than layers.
    """
    network = Network(arrays)
    first, *others = LAYERS[name]
    network.add_first_layer(first)
    for layer in others:
        network.add_layer(layer)
    for output in OUTPUTS[name]:
        network.add_output(output)
    if next(network._arrays, None) is not None:
        raise ValueError(f"{name}: expected as many arrays as its layers have, got more")
    height, width = (SIDES[name] or side for side in ("height", "width"))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, height, width])
    place = [] if SIDES[name] else ["rows", "columns"]
    outputs = [
        helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", COUNTS[output], *place])
        for output in OUTPUTS[name]
    ]
    graph = helper.make_graph(network.nodes, name, [image], outputs, network.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    wheel = importlib.metadata.distribution("mtcnn")
    TARGET.mkdir(exist_ok=True)
    for name in LAYERS:
        path = wheel.locate_file(f"mtcnn/assets/weights/{name}.lz4")
        model = convert(name, joblib.load(path))
        onnx.save(model, TARGET / f"{name}.onnx")
    licence = wheel.read_text("LICENSE")
    (TARGET / "LICENSE").write_text(
        "pnet.onnx, rnet.onnx and onet.onnx hold the weights of the Python package mtcnn "
        f"{wheel.version},\nconverted by tools/convert_mtcnn.py. Its licence:\n\n{licence}"
    )


if __name__ == "__main__":
    main()
