"""A face as data: box, landmarks, confidence, and the turn of the photo that it was found in."""

from dataclasses import dataclass, replace

import numpy as np

# Left and right as the viewer sees them: "left_eye" is the person's right eye.
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True, eq=False)
class Face:
    """A detected face, in pixels from the top left corner; the first pixel's centre is (0.5, 0.5).

    Attributes:
      box: (left, top, width, height); it may reach over the border of the image.
      landmarks: float64 [5, 2], (x, y) in the order of LANDMARKS.
      confidence: the detector's, 0 to 1.
      rotation: degrees by which the face is turned clockwise in the image: 0, 90, 180 or 270.
      detector: name of what found it; detectors place boxes and landmarks differently.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    confidence: float
    rotation: int = 0
    detector: str = "mtcnn"


def turn_image(image: np.ndarray, degrees: int) -> np.ndarray:
    """Returns a view of an image, [height, width, ...], turned clockwise by 0, 90, 180, 270."""
    return np.rot90(image, -degrees // 90)


def turn_face(face: Face, degrees: int, width: int, height: int) -> Face:
    """Returns a face as it lies in the image turned clockwise.

    Args:
      face: in an image of `width` x `height` pixels.
      degrees: a multiple of 90, also below 0.
      width, height: of the image before it is turned.
    """
    if degrees % 360 == 0:
        return face
    left, top, box_width, box_height = face.box
    corners = np.array([(left, top), (left + box_width, top + box_height)])
    corners, landmarks = (
        _turn_points(points, degrees, width, height) for points in (corners, face.landmarks)
    )
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    rotation = (face.rotation + degrees) % 360
    box = left, top, right - left, bottom - top
    return replace(face, box=box, landmarks=landmarks, rotation=rotation)


def _turn_points(points, degrees, width, height):
    x, y = points[:, 0], points[:, 1]
    turned = {90: (height - y, x), 180: (width - x, height - y), 270: (y, width - x)}
    return np.stack(turned[degrees % 360], axis=1)
