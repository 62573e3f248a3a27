"""Alignment: a photo turned, scaled and moved so that a face's landmarks lie where a template has them.

In: a photo and landmarks in its pixels, counted from its top left corner. Out: a square at the photo's own resolution.
"""

import cv2
import numpy as np

MAX_SIDE = 16384  # pixels; cv2.warpAffine ends at 32767


class UnusableFace(ValueError):
    """What was found is no face that a crop could be cut from: it has no size, or is not finite."""


def similarity_transform(source, target):
    """Returns the similarity that maps `source` onto `target` with the least sum of squared distances.

    Turned, scaled and moved, never mirrored: Umeyama, "Least-squares estimation of transformation parameters between
    two point patterns", IEEE TPAMI 1991, equations 40 to 43.

    Args:
      source: float [points, 2].
      target: float [points, 2].

    Returns:
      float64 [2, 3] `matrix`: source @ matrix[:, :2].T + matrix[:, 2] is closest to target.

    Raises:
      UnusableFace: source points that all lie in one place, or are not finite.
    """
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    # Comparisons with NaN are false.
    if not np.ptp(source, axis=0).max() > 1e-9 * np.abs(source).max():
        raise UnusableFace(f"expected landmarks that span a face, got {source.tolist()}")
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    source, target = source - source_mean, target - target_mean
    left, values, right = np.linalg.svd(target.T @ source)
    # Where a mirrored source would fit better, the axis that matters least is turned back.
    signs = np.array([1.0, np.linalg.det(left @ right)])
    scale = (values @ signs) / (source**2).sum()
    linear = scale * left @ np.diag(signs) @ right
    return np.column_stack([linear, target_mean - linear @ source_mean])


def align_face(image, landmarks, template):
    """Cuts the square in which the landmarks lie closest to the template; outside the photo its border is repeated.

    The square keeps the photo's resolution, as a cut without turning would: resizing it to the size of the training
    crops then averages over areas, where warping to that size at once would skip pixels.

    Args:
      image: uint8 [height, width, 3].
      landmarks: float [5, 2], (x, y) in pixels from the photo's top left corner.
      template: float [5, 2], where they belong, in sides of the square from its top left corner.

    Returns:
      uint8 [side, side, 3].

    Raises:
      UnusableFace: landmarks that span no face, or one that cannot be in this photo.
    """
    matrix = similarity_transform(landmarks, template)
    scale = np.hypot(*matrix[:, 0])  # squares per pixel
    largest = min(2 * max(image.shape[:2]), MAX_SIDE)
    if not 1 <= 1 / max(scale, 1e-9) <= largest:
        raise UnusableFace(
            f"expected a face of 1 to {largest} pixels, got landmarks {np.asarray(landmarks).tolist()}"
        )
    side = round(1 / scale)
    # From the square's pixels back to the photo's. OpenCV counts from a pixel's centre, half a pixel from its corner.
    to_photo = np.linalg.inv(matrix[:, :2]) / side
    origin = to_photo @ (0.5 - side * matrix[:, 2]) - 0.5
    # Only the part around the face is handed on, because photos can be wider than warpAffine takes.
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ to_photo.T + origin
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - 3, 0, limit - 1)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 3, low + 1, limit)
    return cv2.warpAffine(
        image[low[1] : high[1], low[0] : high[0]],
        np.column_stack([to_photo, origin - low]),
        (side, side),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
