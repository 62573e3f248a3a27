"""The geometry of a face crop: where the face lies in it, equal in training and prediction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np

from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.align import UnusableFace, align_face
from age_gender_estimation.faces.face import Face, turn_face, turn_image

Template = tuple[tuple[float, float], ...]
LINEAR_BELOW = 1.5  # factor by which the longer side shrinks, see resize_square


@dataclass(frozen=True)
class Geometry:
    """Where a square crop lies relative to MTCNN's face box; see BOXES for other detectors.

    Attributes:
      name: the dataset whose crops look like this.
      scale: side of the crop / height of the box.
      shift: distance of the crop's centre below the box's centre / height of the box.
    """

    name: str
    scale: float
    shift: float

    def to_dict(self) -> dict[str, Any]:
        """Returns the geometry as JSON values, see `load_geometry`."""
        return asdict(self)


@dataclass(frozen=True)
class AlignedGeometry:
    """Where the landmarks lie in a square crop. Each detector puts them elsewhere in a face.

    Attributes:
      name: the dataset whose crops look like this.
      template: (x, y) of each of face.LANDMARKS as MTCNN finds them; the top left corner is (0, 0),
        the side is 1.
      templates: {detector: the same for its landmarks}, of other detectors.
    """

    name: str
    template: Template
    templates: Mapping[str, Template] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Returns the geometry as JSON values, see `load_geometry`."""
        return {
            "name": self.name,
            "template": [list(point) for point in self.template],
            "templates": {
                detector: [list(point) for point in template]
                for detector, template in self.templates.items()
            },
        }

    def template_of(self, detector: str) -> Template:
        """Returns the template of a detector.

        Raises:
          SettingError: it has none.
        """
        templates = {"mtcnn": self.template, **self.templates}
        if detector not in templates:
            raise SettingError(
                f"--face-detector {detector}: expected a detector that the crop geometry "
                f"{self.name} has a template for; there are {', '.join(templates)}"
            )
        return templates[detector]


ALIGNED = "utkface"  # the geometry of --align, for any dataset
# IMDB-WIKI's crops have a margin of 40% on each side of the face box. UTKFace's template holds the
# medians over 1,000 random crops with a repeated border, of which MTCNN found 991; the median
# absolute deviations are 0.009 (eyes, vertically) to 0.024 (corners of the mouth, horizontally).
# tests/faces/test_align_utkface.py measures them again. YuNet's were measured in the same way.
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
            templates={
                "yunet": (
                    (0.294, 0.287),
                    (0.676, 0.287),
                    (0.477, 0.506),
                    (0.319, 0.670),
                    (0.648, 0.671),
                )
            },
        ),
    )
}

# {detector: (height of MTCNN's box / height of its box, distance of MTCNN's centre below its centre
# / height of its box)}. YuNet's are the medians over the 404 faces that both found in 197 IMDB
# photos; the median absolute deviations are 0.05 and 0.02.
BOXES = {"mtcnn": (1.0, 0.0), "yunet": (0.98, -0.02)}


def load_geometry(record: Mapping[str, Any]) -> Geometry | AlignedGeometry:
    """Returns the geometry that `to_dict` wrote into a preprocess.json or model.json.

    Raises:
      TypeError, ValueError: `record` is not a geometry.
    """
    if "template" not in record:
        geometry = Geometry(**record)
        # A crop takes scale ** 2 times the memory of the face.
        if not (0 < geometry.scale <= 10 and abs(geometry.shift) <= 10):
            raise ValueError(
                f"expected a scale from 0 to 10 and a shift from -10 to 10, got {geometry}"
            )
        return geometry
    name, template = record["name"], _load_template(record["template"])
    known = GEOMETRIES.get(name)
    if "templates" not in record:  # from before there was a second detector
        is_ours = isinstance(known, AlignedGeometry) and known.template == template
        return known if is_ours and known else AlignedGeometry(name, template)
    others = {detector: _load_template(other) for detector, other in record["templates"].items()}
    return AlignedGeometry(name, template, others)


def _load_template(points: Any) -> Template:
    template = np.array(points, np.float64)
    if template.shape != (5, 2) or not np.isfinite(template).all():
        raise ValueError(f"expected a template of 5 points, got {template.tolist()!r:.80}")
    return tuple(map(tuple, template.tolist()))


def check_detector(geometry: Geometry | AlignedGeometry, detector: str) -> None:
    """Raises SettingError if the crops of a geometry cannot be cut from a detector's faces."""
    if isinstance(geometry, AlignedGeometry):
        geometry.template_of(detector)


def crop_face(image: np.ndarray, face: Face, geometry: Geometry | AlignedGeometry) -> np.ndarray:
    """Cuts the upright square around a detected face; the border of the image is repeated.

    Args:
      image: uint8 [height, width, 3].
      face: a face in it.
      geometry: where the square lies relative to the face.

    Returns:
      uint8 [side, side, 3] in the image's resolution.

    Raises:
      UnusableFace: the box or the landmarks have no size.
      SettingError: the geometry has no template for the detector that found the face.
    """
    if isinstance(geometry, AlignedGeometry):
        return align_face(image, face.landmarks, geometry.template_of(face.detector))
    size, degrees = image.shape[1::-1], -face.rotation
    image, face = turn_image(image, degrees), turn_face(face, degrees, *size)
    left, top, width, height = face.box
    if not (width > 0 and height > 0):
        raise UnusableFace(f"expected a box with a size, got {face.box}")
    ratio, shift = BOXES[face.detector]
    middle = top + height / 2 + shift * height
    height *= ratio
    side = max(1, round(geometry.scale * height))
    x = round(left + width / 2 - side / 2)
    y = round(middle + geometry.shift * height - side / 2)
    rows = np.clip(np.arange(y, y + side), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(x, x + side), 0, image.shape[1] - 1)
    return image[rows[:, np.newaxis], columns]


def resize_square(image: np.ndarray, size: int) -> np.ndarray:
    """Resizes an image, uint8 [height, width, 3], to uint8 [size, size, 3].

    Below two thirds of the size, averaging over areas avoids moire. Above, linear interpolation
    takes an eighth of the time and is as close to a Lanczos filter: the root mean square error on
    UTKFace's crops from 200 to 160 px is 0.8 grey levels (areas 0.9), to 133 px 0.9 (1.0), to 67 px
    2.2 (1.5).
    """
    if image.shape[:2] == (size, size):
        return image
    if min(image.shape[:2]) < size:
        interpolation = cv2.INTER_CUBIC
    elif max(image.shape[:2]) < LINEAR_BELOW * size:
        interpolation = cv2.INTER_LINEAR
    else:
        interpolation = cv2.INTER_AREA
    return cv2.resize(image, (size, size), interpolation=interpolation)
