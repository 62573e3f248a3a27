"""Decoding of photos that people have. In: the bytes of a file. Out: uint8 [height, width, 3] RGB, upright."""
import re

import cv2
import numpy as np

MIN_SIDE = 16  # pixels; nothing smaller shows a face
# Between two markers of a JPEG's entropy-coded part stand only 0xFF00 (a stuffed byte) and restart markers.
JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


class UnreadablePhoto(ValueError):
    """The bytes are no whole picture; the message says what is wrong with them."""


def decode_photo(data):
    """Decodes a JPEG, PNG, WebP, BMP or TIFF: grey, alpha, 16 bit, CMYK, and turned as its EXIF orientation says.

    Args:
      data: the bytes of the file.

    Returns:
      uint8 [height, width, 3] RGB.

    Raises:
      UnreadablePhoto: empty, truncated, no picture, or under 16 pixels on a side. OpenCV alone would pad a truncated
        JPEG with grey and say nothing.
    """
    if not data:
        raise UnreadablePhoto("the file is empty")
    if not _is_whole(data):
        raise UnreadablePhoto("the file is truncated")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:  # too many pixels, or a header that makes no sense
        reason = "it has too many pixels" if "MAX_IMAGE_PIXELS" in error.err else f"OpenCV refused it: {error.err}"
        raise UnreadablePhoto(reason) from None
    if image is None:
        raise UnreadablePhoto("not a picture that OpenCV reads (JPEG, PNG, WebP, BMP, TIFF)")
    if min(image.shape[:2]) < MIN_SIDE:
        raise UnreadablePhoto(f"{image.shape[1]}x{image.shape[0]} pixels; expected at least {MIN_SIDE}x{MIN_SIDE}")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def encode_jpeg(image, quality=95):
    """Returns uint8 [height, width, 3] RGB `image` as the bytes of a JPEG."""
    is_encoded, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not is_encoded:
        raise UnreadablePhoto("OpenCV cannot encode it")
    return data.tobytes()


def _is_whole(data):
    """Returns whether a JPEG has its end-of-image marker and a PNG its last chunk; other formats' decoders check."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_has_end(data)
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-4096:]
    return True


def _jpeg_has_end(data):
    # Segments are walked by their lengths, because an EXIF thumbnail inside one has an end marker of its own.
    position = 2
    while match := JPEG_MARKER.search(data, position):
        marker = data[match.start() + 1]
        if marker == 0xD9:
            return True
        length = int.from_bytes(data[match.end():match.end() + 2], "big")
        position = match.end() + length
    return False
