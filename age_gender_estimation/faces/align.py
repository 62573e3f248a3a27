"""Face alignment: an image and landmarks in, a square with the landmarks on a template out.

Coordinates are in pixels from the image's top left corner; the first pixel's centre is (0.5, 0.5).
"""

import cv2
import numpy as np
import numpy.typing as npt

MAX_SIDE = 16384  # of a crop, pixels; cv2.warpAffine takes up to 32767


class UnusableFace(ValueError):
    """A detected face has no size, or numbers that are not finite, so no crop can be cut."""


def similarity_transform(source: npt.ArrayLike, target: npt.ArrayLike) -> np.ndarray:
    """Returns the least-squares similarity transform (rotation, scale, translation) between points.

    It never mirrors. Umeyama, "Least-squares estimation of transformation parameters between two
    point patterns", IEEE TPAMI 1991, equations 40 to 43.

    Args:
      source: float [points, 2].
      target: float [points, 2].

    Returns:
      float64 [2, 3] `matrix`, which minimizes |source @ matrix[:, :2].T + matrix[:, 2] - target|^2.

    Raises:
      UnusableFace: the source points all lie in one place, or are not finite.
    """
    source_points = np.asarray(source, np.float64)
    target_points = np.asarray(target, np.float64)
    # A comparison with NaN is false.
    if not np.ptp(source_points, axis=0).max() > 1e-9 * np.abs(source_points).max():
        raise UnusableFace(f"expected landmarks that span a face, got {source_points.tolist()}")
    source_mean, target_mean = source_points.mean(axis=0), target_points.mean(axis=0)
    centred = source_points - source_mean
    left, values, right = np.linalg.svd((target_points - target_mean).T @ centred)
    # If a mirror image would fit better, the axis with the least weight is turned back.
    signs = np.array([1.0, np.linalg.det(left @ right)])
    scale = (values @ signs) / (centred**2).sum()
    linear = scale * left @ np.diag(signs) @ right
    return np.column_stack([linear, target_mean - linear @ source_mean])


def align_face(image: np.ndarray, landmarks: npt.ArrayLike, template: npt.ArrayLike) -> np.ndarray:
    """Cuts the square in which the landmarks lie closest to a template.

    The border of the image is repeated outside it. The square has the image's resolution, so that
    resizing it averages over areas; warping directly to a smaller size would skip pixels.

    Args:
      image: uint8 [height, width, 3].
      landmarks: float [5, 2], (x, y) in the image.
      template: float [5, 2], (x, y) in the square, whose side is 1.

    Returns:
      uint8 [side, side, 3].

    Raises:
      UnusableFace: the landmarks span no face, or one too large for this image.
    """
    matrix = similarity_transform(landmarks, template)
    scale = np.hypot(*matrix[:, 0])  # sides of the square per pixel
    largest = min(2 * max(image.shape[:2]), MAX_SIDE)
    if not 1 <= 1 / max(scale, 1e-9) <= largest:
        found = np.asarray(landmarks).tolist()
        raise UnusableFace(f"expected a face of 1 to {largest} pixels, got landmarks {found}")
    side = round(1 / scale)
    # Maps pixels of the square to pixels of the image. OpenCV's origin is a pixel's centre.
    to_image = np.linalg.inv(matrix[:, :2]) / side
    origin = to_image @ (0.5 - side * matrix[:, 2]) - 0.5
    # Only the part around the face is warped, because images can be wider than warpAffine takes.
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ to_image.T + origin
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 3, 0, limit - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 3, low + 1, limit)
    return cv2.warpAffine(
        image[low[1] : high[1], low[0] : high[0]],
        np.column_stack([to_image, origin - low]),
        (side, side),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
