"""Decoding of photos that people have. In: the bytes of a file. Out: uint8 [height, width, 3] RGB, upright."""

import os
import re
import stat

import cv2
import numpy as np

from age_gender_estimation.storage import filesystem

MIN_SIDE = 16  # pixels; nothing smaller shows a face
MAX_BYTES = 800_000_000  # the largest picture that OpenCV may decode (see the package's __init__.py), not compressed
TOO_LONG = f"expected at most {MAX_BYTES // 10**6} MB, the file has more"
# Of a JPEG; encoders write up to ten. A file of some KB can have thousands, and each costs as much as a whole picture:
# https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
MAX_SCANS = 100
# How JPEG, PNG, WebP, BMP and TIFF begin. OpenCV has more decoders, which strangers should not get to.
STARTS = re.compile(rb"\xff\xd8|\x89PNG|RIFF....WEBP|BM|II\*\0|MM\0\*|II\+\0|MM\0\+", re.DOTALL)
# Between two markers of a JPEG's entropy-coded part stand only 0xFF00 (a stuffed byte) and restart markers.
JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


class UnreadablePhoto(ValueError):
    """The bytes are no whole picture; the message says what is wrong with them."""


def read_photo(path):
    """Returns the bytes of a photo's file.

    A pipe is read to its end if its name has no ending, as the shell's `<(...)` has none: what is called like a picture
    and is none must not be waited for.

    Raises:
      OSError: it is not there or may not be read.
      UnreadablePhoto: no file, or one of more than 800 MB.
    """
    if filesystem.is_remote(path):
        data = filesystem.read_bytes(path, MAX_BYTES + 1)
        if len(data) <= MAX_BYTES:
            return data
        raise UnreadablePhoto(TOO_LONG)
    found = os.stat(path)
    is_pipe = stat.S_ISFIFO(found.st_mode) and not os.path.splitext(path)[1]
    if not (stat.S_ISREG(found.st_mode) or is_pipe):
        raise UnreadablePhoto("expected a file, found a folder, pipe or device")
    if found.st_size <= MAX_BYTES:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1 if is_pipe else -1)
        if len(data) <= MAX_BYTES:
            return data
    raise UnreadablePhoto(TOO_LONG)


def decode_photo(data):
    """Decodes a JPEG, PNG, WebP, BMP or TIFF: grey, alpha, 16 bit, CMYK, and turned as its EXIF orientation says,
    but for WebP, where OpenCV does not look for one.

    Args:
      data: the bytes of the file.

    Returns:
      uint8 [height, width, 3] RGB.

    Raises:
      UnreadablePhoto: empty, truncated, no picture of these, over 200 million pixels or under 16 on a side. OpenCV alone
        would pad a truncated JPEG with grey and say nothing.
    """
    if not data:
        raise UnreadablePhoto("the file is empty")
    if not STARTS.match(data):
        raise UnreadablePhoto("not a picture that is read here (JPEG, PNG, WebP, BMP, TIFF)")
    if not _is_whole(data):
        raise UnreadablePhoto("the file is truncated")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:  # too many pixels, or a header that makes no sense
        reason = (
            "it has too many pixels"
            if "MAX_IMAGE_PIXELS" in error.err
            else f"OpenCV refused it: {error.err}"
        )
        raise UnreadablePhoto(reason) from None
    if image is None:
        raise UnreadablePhoto("not a picture that OpenCV can decode; is it damaged?")
    if min(image.shape[:2]) < MIN_SIDE:
        raise UnreadablePhoto(
            f"{image.shape[1]}x{image.shape[0]} pixels; expected at least {MIN_SIDE}x{MIN_SIDE}"
        )
    return image


def encode_jpeg(image, quality=95):
    """Returns uint8 [height, width, 3] RGB `image` as the bytes of a JPEG."""
    is_encoded, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not is_encoded:
        raise UnreadablePhoto("OpenCV cannot encode it")
    return data.tobytes()


def _is_whole(data):
    """Returns whether a JPEG has its end-of-image marker and a PNG its last chunk; other formats' decoders check.

    What comes after these does not matter: phones, editors and archives append something.
    """
    if data.startswith(b"\xff\xd8"):
        return _jpeg_has_end(data)
    if data.startswith(b"\x89PNG"):
        return _png_has_end(data)
    return True


def _jpeg_has_end(data):
    # Segments are walked by their lengths, because an EXIF thumbnail inside one has an end marker of its own.
    position, num_scans = 2, 0
    while match := JPEG_MARKER.search(data, position):
        marker = data[match.start() + 1]
        if marker == 0xD9:
            return True
        num_scans += marker == 0xDA
        if num_scans > MAX_SCANS:
            raise UnreadablePhoto(f"expected a JPEG of at most {MAX_SCANS} scans, it has more")
        length = int.from_bytes(data[match.end() : match.end() + 2], "big")
        position = match.end() + length
    return False


def _png_has_end(data):
    position = 8
    while position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + length
    return False
