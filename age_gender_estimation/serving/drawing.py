"""Drawing answers into photos: boxes and labels. In: a photo and its FaceRecords. Out: the photo with them."""
import itertools
import os
import pathlib

import cv2
import numpy as np

from age_gender_estimation.data.files import write_file
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, encode_jpeg
from age_gender_estimation.serving.output import show_answer

COLOUR, TEXT_COLOUR = (40, 200, 60), (0, 0, 0)  # RGB; dark text on light green reads on any photo


def draw_photos(records, target):
    """Yields FaceRecords on; before the first one of a photo, writes the photo with all of them to `target(path)`.

    Photos that cannot be read, as their record says, are not written.
    """
    for path, group in itertools.groupby(records, key=lambda record: record.file):
        group = list(group)
        try:
            image = decode_photo(pathlib.Path(path).read_bytes())
        except (OSError, UnreadablePhoto):
            image = None
        if image is not None:
            os.makedirs(os.path.dirname(target(path)), exist_ok=True)
            write_file(target(path), encode_jpeg(draw_faces(image, group)))
        yield from group


def draw_faces(image, records):
    """Returns a copy of uint8 RGB [height, width, 3] with a box and a label per face.

    Lines and letters grow with the photo, letters with the face too. A face that was taken whole gets its label only.

    Args:
      image: uint8 [height, width, 3] RGB.
      records: FaceRecords of this photo; those with an error are not drawn.
    """
    image = np.ascontiguousarray(image).copy()
    height, width = image.shape[:2]
    thickness = max(1, round(max(height, width) / 400))
    for record in records:
        if record.error:
            continue
        left, top, box_width, box_height = record.box or (0, 0, width, height)
        if record.box:
            cv2.rectangle(image, (left, top), (left + box_width - 1, top + box_height - 1), COLOUR, thickness)
        _write(image, show_answer(record), left, top, box_width)
    return image


def _write(image, text, left, top, box_width):
    """Writes a line above (left, top), or as near as the photo's border allows."""
    font, height, width = cv2.FONT_HERSHEY_SIMPLEX, *image.shape[:2]
    # As wide as the face, but of at least 8 pixels, and never wider than the photo.
    (unit, unit_height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(max(box_width / max(unit, 1), 8 / unit_height), (width - 4) / max(unit, 1))
    thickness = max(1, round(scale * 1.5))
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, thickness)
    left = int(np.clip(left, 0, max(0, width - text_width - 1)))
    bottom = int(np.clip(top - 2, text_height + below, height - 1))  # of the label's background
    cv2.rectangle(image, (left, bottom - text_height - below), (left + text_width, bottom), COLOUR, cv2.FILLED)
    cv2.putText(image, text, (left, bottom - below // 2 - 1), font, scale, TEXT_COLOUR, thickness, cv2.LINE_AA)
