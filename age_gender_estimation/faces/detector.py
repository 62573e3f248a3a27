"""Finding faces with MTCNN (Zhang et al., IEEE Signal Processing Letters 2016). In: a photo. Out: boxes."""
import functools

import cv2

SEARCH_SIDE = 1024  # pixels; larger photos are searched on a reduced copy, whose smallest face is still 20 pixels high
MIN_CONFIDENCE = 0.9


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
      A list of (left, top, width, height) floats in pixels of `image`, largest first; a box may reach over the border,
      as the face does.
    """
    reduction = min(1.0, SEARCH_SIDE / max(image.shape[:2]))
    if reduction < 1.0:
        size = (max(1, round(image.shape[1] * reduction)), max(1, round(image.shape[0] * reduction)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = _mtcnn().detect_faces(image, fit_to_image=False)
    boxes = [
        tuple(float(value) / reduction for value in face["box"]) for face in found
        if face["confidence"] >= MIN_CONFIDENCE and min(face["box"][2:]) > 0
    ]
    return sorted(boxes, key=lambda box: -box[2] * box[3])
