"""Face detection: an image in, boxes and landmarks out, by one of DETECTORS.

A large image is searched in a reduced copy. Where nothing is found there, a small copy with a
border is searched too, and where that finds nothing sure, the copies turned by 90, 180 and 270
degrees.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from age_gender_estimation.faces.face import Face, turn_face, turn_image
from age_gender_estimation.faces.mtcnn import Mtcnn
from age_gender_estimation.faces.yunet import load_yunet

# Pixels. A larger image is searched in a reduced copy, where MTCNN's smallest face has 20 pixels.
SEARCH_SIDE = 1024
# MTCNN misses a face that fills the image. It missed 8 of 800 UTKFace crops, and found all 8 with a
# border around them; of 200 crops cut to their middle 3/4 it missed 76 without the border and 7
# with it. A small copy is enough for such a face.
CLOSE_UP_SIDE = 256  # pixels
CLOSE_UP_BORDER = 0.3  # of the shorter side


class Network(Protocol):
    """What finds faces in an image of moderate size; several threads may call it."""

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns (boxes [faces, 4] of left, top, right, bottom; landmarks [faces, 5, 2];
        confidences [faces]) of the faces in uint8 [height, width, 3] RGB."""


@dataclass(frozen=True)
class Detector:
    """A kind of detector.

    Attributes:
      load: returns its network; may take a second.
      min_confidence: finds below are no faces, as long as the user says nothing else.
      sure: from this confidence on a find is certain enough not to search turned copies.
      advantage: a find in a turned copy must leave less doubt (1 - confidence) than one in the
        image as it is by this factor.
    """

    load: Callable[[], Network]
    min_confidence: float
    sure: float
    advantage: float


# `sure` and `advantage` are measured on 197 IMDB photos and 150 UTKFace chips. Of those with a find
# as they are, all keep it with both detectors; turned by 90, 180 and 270 degrees 97, 96 and 96% get
# one in the right turn from MTCNN, and 100, 97 and 100% from YuNet. As they are, 12% need the
# turned copies with MTCNN, and 24% with YuNet (42% of the photos, whose faces are small).
DETECTORS = {
    "mtcnn": Detector(Mtcnn, min_confidence=0.9, sure=0.985, advantage=3.0),
    "yunet": Detector(load_yunet, min_confidence=0.7, sure=0.9, advantage=1.0),
}


@dataclass(frozen=True)
class FaceSearch:
    """What is searched for.

    Attributes:
      detector: one of DETECTORS.
      min_confidence: of the detector, 0 to 1; None for its own.
      min_face: shorter side of the smallest face's box in pixels.
      max_faces: number of faces of an image, largest first; None for all.
    """

    detector: str = "mtcnn"
    min_confidence: float | None = None
    min_face: int = 0
    max_faces: int | None = None


DEFAULT_SEARCH = FaceSearch()


@functools.cache
def load_network(detector: str) -> Network:
    """Returns the network of one of DETECTORS, loaded once per process.

    Raises:
      InputError: its file cannot be had.
    """
    return DETECTORS[detector].load()


def find_faces(image: np.ndarray, search: FaceSearch = DEFAULT_SEARCH) -> list[Face]:
    """Finds the faces in an image, also in one that lies on its side or upside down.

    Args:
      image: uint8 [height, width, 3] RGB.
      search: what is searched for.

    Returns:
      The faces, largest box first, in pixels of the image as it is.

    Raises:
      InputError: the detector's file cannot be had.
    """
    faces = _find_in_best_turn(image, search)
    large = [face for face in faces if min(face.box[2:]) >= search.min_face]
    return sorted(large, key=lambda face: -face.box[2] * face.box[3])[: search.max_faces]


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


def _find_in_best_turn(image, search):
    """Returns the faces in the image as it is, or of the turned copy with the surest find."""
    detector = DETECTORS[search.detector]
    best = _find_upright(image, search)
    least_doubt = _doubt(best)
    if least_doubt <= 1 - detector.sure:
        return best
    least_doubt /= detector.advantage if best else 1.0
    for degrees in (90, 180, 270):
        turned = np.ascontiguousarray(turn_image(image, -degrees))
        faces = _find_upright(turned, search)
        if _doubt(faces) < least_doubt:
            least_doubt = _doubt(faces)
            best = [turn_face(face, degrees, *turned.shape[1::-1]) for face in faces]
    return best


def _doubt(faces):
    return min((1 - face.confidence for face in faces), default=1.0)


def _find_upright(image, search):
    return _search(image, search, SEARCH_SIDE, 0.0) or _search(
        image, search, CLOSE_UP_SIDE, CLOSE_UP_BORDER
    )


def _search(image, search, largest_side, border_share):
    """Returns the faces in a copy of an image, at most `largest_side` wide and high."""
    reduction = min(1.0, largest_side / max(image.shape[:2]))
    if reduction < 1.0:
        width, height = (max(1, round(side * reduction)) for side in image.shape[1::-1])
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    limits = np.array(image.shape[1::-1]) / reduction
    border = round(border_share * min(image.shape[:2]))
    image = cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_REPLICATE)
    least = search.min_confidence
    least = DETECTORS[search.detector].min_confidence if least is None else least
    faces = []
    for box, landmarks, confidence in zip(*load_network(search.detector).detect(image)):
        low, high = (box.reshape(2, 2) - border) / reduction
        if confidence >= least and (high > low).all() and (low < limits).all() and (high > 0).all():
            corner_and_size = (*low.tolist(), *(high - low).tolist())
            landmarks = (landmarks - border) / reduction
            faces.append(Face(corner_and_size, landmarks, float(confidence), 0, search.detector))
    return faces
