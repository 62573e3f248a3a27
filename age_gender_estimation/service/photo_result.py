"""The bytes of one photo -> FaceRecords, and the photo with boxes and labels."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from age_gender_estimation.faces.detector import find_faces
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo
from age_gender_estimation.predict.drawing import draw_faces
from age_gender_estimation.predict.photos import predict_image
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.predict.records import FaceRecord

# Width and height in pixels of the space for the image on the page. Boxes and labels are drawn at
# this size: drawn into a large photo, they could not be read once it is shown smaller.
SHOWN_SIZE = 960, 500


@dataclass(frozen=True)
class PhotoResult:
    """What the page shows of one photo.

    Attributes:
      records: FaceRecords, largest face first, boxes in pixels of the photo; without a face, one
        record with an error.
      image: uint8 [height, width, 3] RGB, fitted into SHOWN_SIZE, with boxes and labels; None if
        the photo cannot be read.
    """

    records: list[FaceRecord]
    image: np.ndarray | None = None


def warm_up(predictor: Predictor) -> None:
    """Runs both networks once: the first run takes seconds and must not happen in two threads."""
    find_faces(np.zeros((64, 64, 3), np.uint8))
    predictor.predict_images([np.zeros((predictor.crop_size, predictor.crop_size, 3), np.uint8)])


def predict_upload(predictor: Predictor, data: bytes, name: str) -> PhotoResult:
    """Finds the faces of a photo, predicts and draws them. Several threads may call it at once.

    Args:
      predictor: the model.
      data: the bytes of a JPEG, PNG, WebP, BMP or TIFF; anything else gives a record with `error`.
      name: `file` of the records.
    """
    try:
        image = decode_photo(data)
    except UnreadablePhoto as error:
        return PhotoResult([FaceRecord(name, error=f"cannot be read: {error}")])
    records = predict_image(predictor, image, name)
    return PhotoResult(records, draw_faces(*_fit(image, records)))


def _fit(image, records):
    """Returns the photo resized to fit SHOWN_SIZE, and its records with boxes of that size."""
    height, width = image.shape[:2]
    scale = min(SHOWN_SIZE[0] / width, SHOWN_SIZE[1] / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    boxes = [
        record.box and tuple(round(value * scale) for value in record.box) for record in records
    ]
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return image, [replace(record, box=box) for record, box in zip(records, boxes)]
