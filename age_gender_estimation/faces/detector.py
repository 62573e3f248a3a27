"""Face detection: an image in, boxes and landmarks out.

MTCNN: Zhang et al., IEEE Signal Processing Letters 2016.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

# Pixels. A larger image is searched in a reduced copy; the smallest face is 20 pixels high there.
SEARCH_SIDE = 1024
MIN_CONFIDENCE = 0.9
# MTCNN misses a face that fills the image. It missed 8 of 800 UTKFace crops, and found all 8 with a
# border around them; of 200 crops cut to their middle 3/4 it missed 76 without the border and 7
# with it. A small copy is enough for such a face.
CLOSE_UP_SIDE = 256  # pixels
CLOSE_UP_BORDER = 0.3  # of the shorter side
# Left and right as the viewer sees them: "left_eye" is the person's right eye.
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True, eq=False)
class Face:
    """A detected face, in pixels from the top left corner; the first pixel's centre is (0.5, 0.5).

    Attributes:
      box: (left, top, width, height); it may reach over the border of the image.
      landmarks: float64 [5, 2], (x, y) in the order of LANDMARKS.
      confidence: the detector's, 0 to 1.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    confidence: float


@functools.cache
def _mtcnn() -> Any:
    # Imported on first use, because it loads TensorFlow and three networks.
    from mtcnn import MTCNN

    return MTCNN()


def find_faces(image: np.ndarray) -> list[Face]:
    """Finds the faces in an image.

    Args:
      image: uint8 [height, width, 3] RGB.

    Returns:
      The faces, largest box first.
    """
    return _search(image, SEARCH_SIDE, 0.0) or _search(image, CLOSE_UP_SIDE, CLOSE_UP_BORDER)


def central_face(faces: Sequence[Face], image: np.ndarray) -> Face:
    """Returns the face with the largest size minus distance to the centre of the image.

    Size alone would choose a passer-by's larger face at the border, and distance alone a small
    false detection in the middle.

    Args:
      faces: at least one.
      image: uint8 [height, width, 3], in which they were found.
    """
    centre = np.array(image.shape[1::-1]) / 2

    def size_minus_distance(face: Face) -> float:
        left, top, width, height = face.box
        distance = np.hypot(*(np.array([left + width / 2, top + height / 2]) - centre))
        return (width * height) ** 0.5 - distance

    return max(faces, key=size_minus_distance)


def _search(image: np.ndarray, largest_side: int, border_share: float) -> list[Face]:
    reduction = min(1.0, largest_side / max(image.shape[:2]))
    if reduction < 1.0:
        width, height = (max(1, round(side * reduction)) for side in image.shape[1::-1])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    limits = np.array(image.shape[1::-1]) / reduction
    border = round(border_share * min(image.shape[:2]))
    image = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
    # Rows of [image, left, top, width, height, confidence, 5 x, 5 y]. The default output is
    # rounded.
    rows = _mtcnn().detect_faces(image, fit_to_image=False, output_type="numpy")
    faces = []
    for row in rows[rows[:, 5] >= MIN_CONFIDENCE]:
        corner, size = (row[1:3] - border) / reduction, row[3:5] / reduction
        if (size > 0).all() and (corner < limits).all() and (corner + size > 0).all():
            landmarks = (row[6:].reshape(2, 5).T - border) / reduction
            box = (float(corner[0]), float(corner[1]), float(size[0]), float(size[1]))
            faces.append(Face(box, landmarks, float(row[5])))
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])
