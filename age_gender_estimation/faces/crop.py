"""The geometry of a face crop: how much around the detected face a training picture shows, and prediction must show."""
from dataclasses import asdict, dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class Geometry:
    """Where a square crop lies, relative to the box that MTCNN finds.

    Attributes:
      name: the dataset whose crops look like this.
      scale: side of the crop / height of the box.
      shift: how far the crop's centre lies below the box's centre / height of the box.
    """
    name: str
    scale: float
    shift: float

    def to_dict(self):
        return asdict(self)


# IMDB-WIKI publishes 40% margin on each side of the face box. UTKFace's figures are medians over 400 of its chips
# (MTCNN's unclipped boxes: 0.93 and 0.07 as they are, 0.87 and 0.09 with the border replicated around them).
GEOMETRIES = {
    geometry.name: geometry for geometry in (
        Geometry("imdb_wiki", scale=1.8, shift=0.0),
        Geometry("utkface", scale=0.9, shift=0.08),
    )
}


def crop_face(image, box, geometry):
    """Cuts the square around a detected face; outside the photo its border is repeated.

    Args:
      image: uint8 [height, width, 3].
      box: (left, top, width, height) in pixels, may reach over the border.
      geometry: Geometry.

    Returns:
      uint8 [side, side, 3].
    """
    left, top, width, height = box
    side = max(1, round(geometry.scale * height))
    x = round(left + width / 2 - side / 2)
    y = round(top + height / 2 + geometry.shift * height - side / 2)
    rows = np.clip(np.arange(y, y + side), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(x, x + side), 0, image.shape[1] - 1)
    return image[rows[:, np.newaxis], columns]


def resize_square(image, size):
    """Returns uint8 [size, size, 3]: `image` resized, averaging over areas where it shrinks."""
    if image.shape[:2] == (size, size):
        return image
    is_smaller = min(image.shape[:2]) >= size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC)
