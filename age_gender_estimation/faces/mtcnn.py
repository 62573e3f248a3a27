"""MTCNN: an image in, face boxes with landmarks and confidences out; it needs no TensorFlow.

Zhang et al., "Joint face detection and alignment using multitask cascaded convolutional networks",
IEEE Signal Processing Letters 2016. Three networks of growing size look at fewer and fewer windows:
PNet at every place of an image pyramid, RNet at its proposals, ONet at those that are left. The
weights and the constants are those of the Python package mtcnn 1.0.0 (weights/LICENSE), whose boxes
and landmarks this module reproduces within 0.1 pixels (tests/faces/test_mtcnn.py).
"""

import os
from typing import Any

import cv2
import numpy as np

WEIGHTS_DIR = os.path.join(os.path.dirname(__file__), "weights")
MIN_FACE = 20  # pixels; the side of the smallest window of PNet
PYRAMID_FACTOR = 0.709  # from one image of the pyramid to the next: about half the area
# PNet sees windows of CELL pixels, STRIDE apart; its first pixel is number 1, as in MATLAB.
CELL, STRIDE = 12, 2
THRESHOLDS = 0.6, 0.7, 0.8  # least probability of a face, by network
OVERLAP_IN_SCALE, OVERLAP = 0.5, 0.7  # more overlap with a surer box drops a box
BATCH = 32  # windows; the buffers of larger batches do not fit into the caches


class Mtcnn:
    """The three networks. Several threads may call it at once.

    Args:
      threads: of each call; None for all cores.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._pnet, self._rnet, self._onet = (
            _load(os.path.join(WEIGHTS_DIR, name), threads)
            for name in ("pnet.onnx", "rnet.onnx", "onet.onnx")
        )

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Finds the faces of at least MIN_FACE pixels.

        Args:
          image: uint8 [height, width, 3] RGB.

        Returns:
          Surest face first: float64 boxes [faces, 4] (left, top, right, bottom), which may reach
          over the border; landmarks [faces, 5, 2] (x, y), of eyes, nose and corners of the mouth,
          left ones as the viewer sees them first; confidences [faces], 0.8 to 1.
        """
        pixels = image.astype(np.float32)
        pixels -= 127.5
        pixels /= 128
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
        boxes = _square(self._propose(pixels))
        corrections, logits = _look(self._rnet, planes, boxes, 24)
        boxes, scores, _ = _select(boxes, corrections, _sigmoid(logits[:, 0]), THRESHOLDS[1])
        boxes = _square(boxes)
        corrections, places, logits = _look(self._onet, planes, boxes, 48)
        corners, sizes = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2] + 1
        landmarks = corners - 1 + sizes * places.reshape(-1, 2, 5).transpose(0, 2, 1)
        boxes, scores, kept = _select(
            boxes, corrections, _sigmoid(logits[:, 0]), THRESHOLDS[2], "smaller"
        )
        return boxes, landmarks[kept], scores

    def _propose(self, pixels: np.ndarray) -> np.ndarray:
        """Returns the windows [windows, 4] in which PNet sees a face."""
        found = []
        for scale in _pyramid(min(pixels.shape[:2])):
            size = int(pixels.shape[1] * scale), int(pixels.shape[0] * scale)
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            small = np.ascontiguousarray(small.transpose(2, 0, 1))
            corrections, logits = self._pnet.run(None, {"image": small[None]})
            rows, columns = np.nonzero(logits[0, 0] > np.log(0.6 / 0.4))
            corners = np.stack([columns, rows], axis=1) * STRIDE + 1.0
            windows = np.hstack([corners, corners + CELL - 1])
            windows += corrections[0, :, rows, columns] * (CELL - 1)
            chosen = _sigmoid(logits[0, 0, rows, columns])
            kept = suppress(windows, chosen, OVERLAP_IN_SCALE)
            found.append((windows[kept] / scale, chosen[kept]))
        if not found:
            return np.empty((0, 4))
        windows, chosen = (np.concatenate(parts) for parts in zip(*found))
        return windows[suppress(windows, chosen, OVERLAP)]


def suppress(boxes: np.ndarray, scores: np.ndarray, limit: float, of: str = "union") -> np.ndarray:
    """Non-maximum suppression: drops each box that overlaps a surer one, itself dropped or not.

    Args:
      boxes: float [boxes, 4], (left, top, right, bottom).
      scores: float [boxes].
      limit: the largest allowed area of the overlap / area `of`.
      of: "union" of both boxes, or "smaller" of them.

    Returns:
      int [kept], the numbers of the kept boxes, surest first.
    """
    order = np.argsort(scores.astype(np.float64))[::-1]
    left, top, right, bottom = boxes[order].astype(np.float32).T
    areas = (right - left) * (bottom - top)
    kept = []
    for start in range(0, len(order), 256):  # so that memory grows with the number of boxes only
        mine, surer = slice(start, start + 256), slice(0, start + 256)
        widths = np.minimum(right[mine, None], right[surer]) - np.maximum(
            left[mine, None], left[surer]
        )
        heights = np.minimum(bottom[mine, None], bottom[surer]) - np.maximum(
            top[mine, None], top[surer]
        )
        shared = np.maximum(widths, 0) * np.maximum(heights, 0)
        if of == "union":
            whole = areas[mine, None] + areas[surer] - shared
        else:
            whole = np.minimum(areas[mine, None], areas[surer])
        overlaps = np.tril(shared > limit * whole, start - 1)
        kept.append(order[mine][~overlaps.any(axis=1)])
    return np.concatenate(kept) if kept else order


def _load(path: str, threads: int | None) -> Any:
    import onnxruntime  # takes 0.1 s

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every size of image would leave its plan and its buffers in memory.
    options.enable_mem_pattern = options.enable_cpu_mem_arena = False
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _pyramid(side: int) -> np.ndarray:
    """Returns the factors by which an image is reduced, from its shorter side in pixels."""
    count = round(np.log(side / CELL) / -np.log(PYRAMID_FACTOR) - 1)
    return CELL / MIN_FACE * PYRAMID_FACTOR ** np.arange(count)


def _square(boxes: np.ndarray) -> np.ndarray:
    """Returns the squares [boxes, 4] with the centres and the longer sides of boxes."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    halves = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True) / 2
    return np.hstack([centres - halves, centres + halves])


def _windows(planes: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Returns float32 [boxes, 3, side, side]: the image at a grid of points over each box.

    The values are interpolated between the four pixels around a point; outside the image they are
    0, which is grey. An image of n pixels counts as n - 1 wide, as in tf.image.crop_and_resize.
    """
    width = planes.shape[2]
    lasts = np.array([[width], [planes.shape[1]]]) - 1  # the last column, the last row
    sizes = (boxes[:, 2:] - boxes[:, :2])[:, :, None]
    points = boxes[:, :2, None] + sizes * (np.arange(side) / (side - 1))  # x and y [boxes, 2, side]
    points *= lasts / (lasts + 1)
    inside = (points >= 0) & (points <= lasts)
    points = np.clip(points, 0, lasts)
    low = points.astype(np.intp)
    high = np.minimum(low + 1, lasts)
    share = (points - low).astype(np.float32)
    columns, rows = (
        (
            (low[:, axis], (1 - share[:, axis]) * inside[:, axis]),
            (high[:, axis], share[:, axis] * inside[:, axis]),
        )
        for axis in (0, 1)
    )
    windows = np.zeros((len(boxes), 3, side, side), np.float32)
    for row, row_weight in rows:
        for column, column_weight in columns:
            places = row[:, :, None] * width + column[:, None, :]
            weights = row_weight[:, :, None] * column_weight[:, None, :]
            for channel, plane in enumerate(planes):
                windows[:, channel] += plane.take(places) * weights
    return windows


def _look(network: Any, planes: np.ndarray, boxes: np.ndarray, side: int) -> list[np.ndarray]:
    """Returns the outputs of RNet or ONet for windows of an image, in batches.

    Args:
      network: the session.
      planes: float32 [3, height, width], the image.
      boxes: float [boxes, 4].
      side: of the network's image.
    """
    parts = [
        network.run(None, {"image": _windows(planes, boxes[start : start + BATCH], side)})
        for start in range(0, max(1, len(boxes)), BATCH)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts)]


def _select(boxes, corrections, scores, threshold, of="union"):
    """Returns the corrected boxes that are sure enough, their scores and their numbers."""
    sizes = boxes[:, 2:] - boxes[:, :2] + 1
    boxes = boxes + corrections * np.hstack([sizes, sizes])
    sure = np.flatnonzero(scores > threshold)
    kept = sure[suppress(boxes[sure], scores[sure], OVERLAP, of)]
    return boxes[kept], scores[kept], kept


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))
