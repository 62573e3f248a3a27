"""Predictions drawn into images: an image and its FaceRecords -> a copy with boxes and labels."""

import os

import cv2
import numpy as np

from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, encode_jpeg, read_photo
from age_gender_estimation.predict.output import show_prediction
from age_gender_estimation.predict.records import FaceRecord
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import write_file

COLOUR, TEXT_COLOUR = (40, 200, 60), (0, 0, 0)  # RGB; dark text on light green reads on any photo


def draw_photo(path: str, records: list[FaceRecord], target: str) -> None:
    """Writes a copy of a photo with its FaceRecords as a JPEG; an unreadable photo gives none.

    Raises:
      OSError: the copy cannot be written.
    """
    try:
        image = decode_photo(read_photo(path))
    except (OSError, UnreadablePhoto):
        return
    filesystem.makedirs(os.path.dirname(target))
    write_file(target, encode_jpeg(draw_faces(image, records)))


def draw_faces(image: np.ndarray, records: list[FaceRecord]) -> np.ndarray:
    """Returns a copy of an image with a box and a label per face.

    Lines and letters grow with the image, letters with the face too. A crop gets only a label.

    Args:
      image: uint8 [height, width, 3] RGB.
      records: FaceRecords of this image; those with an error are not drawn.

    Returns:
      uint8 [height, width, 3] RGB.
    """
    image = np.ascontiguousarray(image).copy()
    height, width = image.shape[:2]
    thickness = max(1, round(max(height, width) / 400))
    for record in records:
        if record.error:
            continue
        left, top, box_width, box_height = record.box or (0, 0, width, height)
        if record.box:
            corner = left + box_width - 1, top + box_height - 1
            cv2.rectangle(image, (left, top), corner, COLOUR, thickness)
        _write(image, show_prediction(record), left, top, box_width)
    return image


def _write(image, text, left, top, box_width):
    """Writes a line above (left, top), or as near as the border of the image allows."""
    font, (height, width) = cv2.FONT_HERSHEY_SIMPLEX, image.shape[:2]
    # As wide as the face, but at least 8 pixels high, and never wider than the image.
    (unit, unit_height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(max(box_width / max(unit, 1), 8 / unit_height), (width - 4) / max(unit, 1))
    thickness = max(1, round(scale * 1.5))
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, thickness)
    left = int(np.clip(left, 0, max(0, width - text_width - 1)))
    bottom = int(np.clip(top - 2, text_height + below, height - 1))
    corner = left, bottom - text_height - below
    cv2.rectangle(image, corner, (left + text_width, bottom), COLOUR, cv2.FILLED)
    origin = left, bottom - below // 2 - 1
    cv2.putText(image, text, origin, font, scale, TEXT_COLOUR, thickness, cv2.LINE_AA)
