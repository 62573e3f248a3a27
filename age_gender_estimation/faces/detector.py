"""Finding faces with MTCNN (Zhang et al., IEEE Signal Processing Letters 2016). In: a photo. Out: boxes and landmarks."""

import functools
from dataclasses import dataclass

import cv2
import numpy as np

SEARCH_SIDE = 1024  # pixels; larger photos are searched on a reduced copy, whose smallest face is still 20 pixels high
MIN_CONFIDENCE = 0.9
# A face that fills the picture is missed where nothing is around it. Of 800 UTKFace chips 8 were, and all 8 found with
# a border; of 200 chips cut to their middle 3/4, 76 were missed without and 7 with it. Such a face needs no fine copy.
CLOSE_UP_SIDE = 256  # pixels
CLOSE_UP_BORDER = 0.3  # of the shorter side
# Left and right as the viewer of an upright photo sees them: "left_eye" is the person's own right one.
LANDMARKS = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")


@dataclass(frozen=True, eq=False)
class Face:
    """A face, in pixels counted from the photo's top left corner (the middle of the first pixel is at 0.5, 0.5).

    Attributes:
      box: (left, top, width, height), floats; may reach over the border, as the face does.
      landmarks: float64 [5, 2], (x, y) in the order of LANDMARKS.
      confidence: MTCNN's, up to 1.
    """

    box: tuple
    landmarks: np.ndarray
    confidence: float


@functools.cache
def _mtcnn():
    # Imported on first use: it loads TensorFlow and three networks, which whole pictures do not need.
    from mtcnn import MTCNN

    return MTCNN()


def find_faces(image):
    """Finds the faces in a photo.

    Args:
      image: uint8 [height, width, 3] RGB.

    Returns:
      A list of Face, largest box first.
    """
    return _search(image, SEARCH_SIDE, 0.0) or _search(image, CLOSE_UP_SIDE, CLOSE_UP_BORDER)


def central_face(faces, image):
    """Returns the face that a picture of one person shows: large and near the centre.

    Crops of IMDB-WIKI and UTKFace have their person in the middle, but a passer-by's larger face may be cut by the
    border, and a small false find may lie exactly in the middle: what counts is size minus distance from the centre.

    Args:
      faces: list of Face, not empty.
      image: uint8 [height, width, 3], where they were found.
    """
    centre = np.array(image.shape[1::-1]) / 2

    def size_minus_distance(face):
        left, top, width, height = face.box
        return (width * height) ** 0.5 - np.hypot(
            *(np.array([left + width / 2, top + height / 2]) - centre)
        )

    return max(faces, key=size_minus_distance)


def _search(image, largest_side, border_share):
    reduction = min(1.0, largest_side / max(image.shape[:2]))
    if reduction < 1.0:
        size = (
            max(1, round(image.shape[1] * reduction)),
            max(1, round(image.shape[0] * reduction)),
        )
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    limits = np.array(image.shape[1::-1]) / reduction
    border = round(border_share * min(image.shape[:2]))
    image = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
    # Rows of [picture, left, top, width, height, confidence, 5 x, 5 y]; the default output rounds to whole pixels.
    rows = _mtcnn().detect_faces(image, fit_to_image=False, output_type="numpy")
    faces = []
    for row in rows[rows[:, 5] >= MIN_CONFIDENCE]:
        corner, size = (row[1:3] - border) / reduction, row[3:5] / reduction
        if (size > 0).all() and (corner < limits).all() and (corner + size > 0).all():
            landmarks = (row[6:].reshape(2, 5).T - border) / reduction
            faces.append(Face((*corner.tolist(), *size.tolist()), landmarks, float(row[5])))
    return sorted(faces, key=lambda face: -face.box[2] * face.box[3])
