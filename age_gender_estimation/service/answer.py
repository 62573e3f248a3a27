"""One photo as a browser or a program sends it. In: the bytes of a file. Out: records, and the photo with boxes."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from age_gender_estimation.faces.detector import find_faces
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo
from age_gender_estimation.predict.drawing import draw_faces
from age_gender_estimation.predict.photos import FaceRecord, answered, extract_faces

# Width and height in pixels of the space that the page has for the picture. Boxes and labels are drawn at this size: what
# is drawn into a large photo cannot be read once the photo is shown smaller.
SHOWN_SIZE = 960, 500


@dataclass(frozen=True)
class Answer:
    """What is said of one photo.

    Attributes:
      records: FaceRecords, largest face first, boxes in pixels of the photo; without a face one record with an error.
      picture: uint8 [height, width, 3] RGB, fitted into SHOWN_SIZE, with boxes and labels; None where the photo cannot be
        read.
      crops: what the model saw of each face, uint8 [crop_size, crop_size, 3] RGB; empty without a face.
    """

    records: list
    picture: np.ndarray | None = None
    crops: list = field(default_factory=list)


def warm_up(predictor):
    """Asks both networks once: the first time takes seconds, and must not happen in two threads at once."""
    find_faces(np.zeros((64, 64, 3), np.uint8))
    predictor.predict_images([np.zeros((predictor.crop_size, predictor.crop_size, 3), np.uint8)])


def answer_photo(predictor, data, name):
    """Finds the faces of a photo, asks the model about them and draws them. May run in several threads at once.

    Args:
      predictor: serving.predictor.Predictor.
      data: the bytes of a JPEG, PNG, WebP, BMP or TIFF; of anything else the records say why it cannot be read.
      name: what the records call it (`file`).

    Returns:
      Answer.
    """
    try:
        image = decode_photo(data)
    except UnreadablePhoto as error:
        return Answer([FaceRecord(name, error=f"cannot be read: {error}")])
    records, crops = zip(*extract_faces(image, name, predictor, is_whole=False))
    records = answered(predictor, list(records), crops)
    return Answer(
        records, draw_faces(*_fitted(image, records)), [crop for crop in crops if crop is not None]
    )


def _fitted(image, records):
    """Returns a copy of the photo of SHOWN_SIZE in one direction, and its records with boxes in pixels of the copy."""
    height, width = image.shape[:2]
    scale = min(SHOWN_SIZE[0] / width, SHOWN_SIZE[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    boxes = [
        record.box and tuple(round(value * scale) for value in record.box) for record in records
    ]
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return image, [replace(record, box=box) for record, box in zip(records, boxes)]
