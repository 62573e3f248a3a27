"""The geometry of a face crop: where in it the face lies, in the training pictures and so in prediction too."""

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from age_gender_estimation.faces.align import UnusableFace, align_face

LINEAR_BELOW = 1.5  # times that the longer side shrinks: see resize_square


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


@dataclass(frozen=True)
class AlignedGeometry:
    """Where the landmarks that MTCNN finds lie in a square crop.

    Attributes:
      name: the dataset whose crops look like this.
      template: (x, y) of each of detector.LANDMARKS, in sides of the crop from its top left corner.
    """

    name: str
    template: tuple

    def to_dict(self):
        return {"name": self.name, "template": [list(point) for point in self.template]}


ALIGNED = "utkface"  # what --align gives to the faces of any dataset
# IMDB-WIKI publishes 40% margin on each side of the face box. UTKFace's template holds the medians over 1,000 random chips
# with their border repeated around them, of which MTCNN found 991; median absolute deviations 0.009 (eyes, up and down) to
# 0.024 (corners of the mouth, sideways). tests/faces/test_align_utkface.py measures them again.
GEOMETRIES = {
    geometry.name: geometry
    for geometry in (
        Geometry("imdb_wiki", scale=1.8, shift=0.0),
        AlignedGeometry(
            "utkface",
            template=(
                (0.297, 0.288),
                (0.686, 0.288),
                (0.489, 0.519),
                (0.314, 0.687),
                (0.665, 0.687),
            ),
        ),
    )
}


def load_geometry(record):
    """Returns the geometry that `to_dict` wrote, from preprocess.json or an export's model.json.

    Raises:
      TypeError, ValueError: `record` holds none.
    """
    if "template" not in record:
        geometry = Geometry(**record)
        if not (
            0 < geometry.scale <= 10 and abs(geometry.shift) <= 10
        ):  # a crop takes scale ** 2 times a face's memory
            raise ValueError(
                f"expected a scale from 0 to 10 and a shift from -10 to 10, got {geometry}"
            )
        return geometry
    template = np.array(record["template"], np.float64)
    if template.shape != (5, 2) or not np.isfinite(template).all():
        raise ValueError(f"expected a template of 5 points, got {template.tolist()!r:.80}")
    return AlignedGeometry(record["name"], tuple(map(tuple, template.tolist())))


def crop_face(image, face, geometry):
    """Cuts the square around a detected face; outside the photo its border is repeated.

    Args:
      image: uint8 [height, width, 3].
      face: detector.Face.
      geometry: Geometry or AlignedGeometry.

    Returns:
      uint8 [side, side, 3] at the photo's own resolution.

    Raises:
      UnusableFace: a box or landmarks without size.
    """
    if isinstance(geometry, AlignedGeometry):
        return align_face(image, face.landmarks, geometry.template)
    left, top, width, height = face.box
    if not (width > 0 and height > 0):
        raise UnusableFace(f"expected a box with a size, got {face.box}")
    side = max(1, round(geometry.scale * height))
    x = round(left + width / 2 - side / 2)
    y = round(top + height / 2 + geometry.shift * height - side / 2)
    rows = np.clip(np.arange(y, y + side), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(x, x + side), 0, image.shape[1] - 1)
    return image[rows[:, np.newaxis], columns]


def resize_square(image, size):
    """Returns uint8 [size, size, 3]: `image` resized.

    Where it shrinks to less than two thirds it averages over areas, which is free of moire. Above that, linear interpolation
    is as near to a Lanczos filter (root mean square error of UTKFace's chips from 200 to 160 px: 0.8 grey levels, areas 0.9;
    to 133: 0.9 and 1.0; to 67: 2.2 and 1.5) and takes an eighth of the time.
    """
    if image.shape[:2] == (size, size):
        return image
    if min(image.shape[:2]) < size:
        interpolation = cv2.INTER_CUBIC
    else:
        interpolation = (
            cv2.INTER_LINEAR if max(image.shape[:2]) < LINEAR_BELOW * size else cv2.INTER_AREA
        )
    return cv2.resize(image, (size, size), interpolation=interpolation)
