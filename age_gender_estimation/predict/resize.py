"""Face crops of any size -> the size of the network's input, to the bit as the SavedModel resizes.

TensorFlow's `tf.image.resize(antialias=True)` in NumPy. OpenCV has no such filter: where an image
shrinks, the triangle of linear interpolation widens with it. Sums are added up in the order of
TensorFlow's kernel (scale_and_translate_op.cc): many of them lie midway between two grey levels,
and rounding them otherwise moved ages by 0.007 years.
"""

import functools

import numpy as np


def resize(images: np.ndarray, size: int) -> np.ndarray:
    """Resizes images as `data.images.resize` does.

    Args:
      images: uint8 [batch, height, width, 3].
      size: side of the result in pixels.

    Returns:
      uint8 [batch, size, size, 3].
    """
    batch, height, width, _ = images.shape
    if (height, width) == (size, size):
        return images
    rows = images.astype(np.float32).reshape(batch, height, width * 3)
    rows = _weighted_sums(rows, *_spans(height, size))
    columns = _weighted_sums(rows.reshape(batch * size, width, 3), *_spans(width, size))
    return np.round(columns).astype(np.uint8).reshape(batch, size, size, 3)


def _weighted_sums(values: np.ndarray, starts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns float32 [n, size, m]: sums over parts of the middle axis of `values`, [n, length, m].

    Args:
      values: float32.
      starts: int [size], where the parts start.
      weights: float32 [size, span]; 0 beyond the end.
    """
    sums = np.zeros((len(values), len(starts), values.shape[2]), np.float32)
    for step in range(weights.shape[1]):
        places = np.minimum(starts + step, values.shape[1] - 1)
        sums += values[:, places] * weights[:, step, np.newaxis]
    return sums


@functools.lru_cache(maxsize=64)
def _spans(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first pixel that counts for each resized one, and the weights from there on."""
    one, half = np.float32(1), np.float32(0.5)
    step = one / (np.float32(size) / np.float32(length))  # pixels per resized pixel
    radius = max(step, one)  # of the triangle
    centres = (np.arange(size, dtype=np.float32) + half) * step
    starts = np.maximum(np.ceil(centres - radius - half), 0).astype(int)
    places = starts[:, np.newaxis] + np.arange(min(2 * int(np.ceil(radius)) + 1, length))
    distances = np.abs((places.astype(np.float32) + half - centres[:, np.newaxis]) * (one / radius))
    weights = np.where(places < length, np.maximum(one - distances, 0), 0).astype(np.float32)
    totals = np.cumsum(weights, axis=1)[:, -1:]  # one after the other, unlike sum
    return starts, weights * (one / totals)
