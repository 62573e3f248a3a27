"""Decoding of photos and crops: a file's bytes in, uint8 [height, width, 3] RGB, upright, out."""

import io
import os
import re
import stat
from typing import Any

import cv2
import numpy as np

from age_gender_estimation.faces.exif import apply_orientation, webp_orientation
from age_gender_estimation.storage import filesystem

MIN_SIDE = 16  # pixels; a smaller image shows no face
MAX_BYTES = 800_000_000  # of a file: the largest image that OpenCV may decode, uncompressed
# The first bytes of JPEG, PNG, WebP, BMP and TIFF. OpenCV has more decoders; untrusted files should
# not reach them.
STARTS = re.compile(rb"\xff\xd8|\x89PNG|RIFF....WEBP|BM|II\*\0|MM\0\*|II\+\0|MM\0\+", re.DOTALL)
# HEIC and AVIF: a box `ftyp` that names the kind of file.
HEIF_START = re.compile(rb"....ftyp(heic|heix|heim|heis|mif1|msf1|avif|avis)", re.DOTALL)
MAX_PIXELS = 200_000_000
# Encoders write up to ten scans into a JPEG. A file of some KB can have thousands, each as costly
# as a whole image: https://libjpeg-turbo.org/pmwiki/uploads/About/TwoIssueswiththeJPEGStandard.pdf
MAX_SCANS = 100


class UnreadablePhoto(ValueError):
    """The bytes are not a complete image; the message says why."""


def read_photo(path: str) -> bytes:
    """Returns the bytes of an image file.

    Raises:
      OSError: the file does not exist or may not be read.
      UnreadablePhoto: the path is no file, or the file is larger than 800 MB.
    """
    if not filesystem.is_remote(path):
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            raise UnreadablePhoto("expected a file, found a folder, pipe or device")
        if found.st_size > MAX_BYTES:
            raise UnreadablePhoto(f"expected at most {MAX_BYTES // 10**6} MB, the file has more")
    return filesystem.read_bytes(path)


def decode_photo(data: bytes) -> np.ndarray:
    """Decodes a JPEG, PNG, WebP, BMP or TIFF, and with the extra `heif` a HEIC or AVIF.

    Grey, alpha, 16 bit and CMYK become 8-bit RGB. The image is turned as its EXIF orientation says.
    JPEG pixels equal those of `data.images.decode`.

    Args:
      data: the bytes of the file.

    Returns:
      uint8 [height, width, 3] RGB.

    Raises:
      UnreadablePhoto: the file is empty, truncated, damaged or in another format, the extra is not
        installed, or the image has more than MAX_PIXELS or a side below MIN_SIDE.
    """
    if not data:
        raise UnreadablePhoto("the file is empty")
    image = _decode_heif(data) if HEIF_START.match(data) else _decode(data)
    height, width = image.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise UnreadablePhoto(f"{width}x{height} pixels; expected at least {MIN_SIDE}x{MIN_SIDE}")
    return image


def _decode(data):
    """Returns the image of a file in one of OpenCV's formats."""
    if not STARTS.match(data):
        raise UnreadablePhoto("not an image in a known format (JPEG, PNG, WebP, BMP, TIFF)")
    # Two random bytes look like a scan once in 65,536, in the video that phones append for example.
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > MAX_SCANS + len(data) // 2**15:
        raise UnreadablePhoto(f"expected a JPEG of at most {MAX_SCANS} scans, found more")
    # OpenCV 4.11 ignores a WebP's orientation. If a later one heeds it, it is told not to.
    is_webp = data[:4] == b"RIFF"
    flags = cv2.IMREAD_COLOR_RGB | (cv2.IMREAD_IGNORE_ORIENTATION if is_webp else 0)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:  # a header with too many pixels, or without sense
        is_large = "MAX_IMAGE_PIXELS" in error.err
        reason = "it has too many pixels" if is_large else f"OpenCV refuses it: {error.err}"
        raise UnreadablePhoto(reason) from None
    if image is None:
        raise UnreadablePhoto("the file is truncated or damaged")
    return apply_orientation(image, webp_orientation(data)) if is_webp else image


def _decode_heif(data):
    """Returns the image of a HEIC or AVIF."""
    try:
        import pillow_heif
        from PIL import Image, ImageOps
    except ImportError:
        raise UnreadablePhoto(
            "HEIC and AVIF need the extra heif; type: pip install 'age-gender-estimation[heif]'"
        ) from None
    pillow_heif.register_heif_opener()
    # Pillow has more decoders; untrusted files should not reach them.
    style = "AVIF" if b"avif" in data[:64] else "HEIF"
    try:
        picture: Any = Image.open(io.BytesIO(data), formats=[style])
        if picture.width * picture.height > MAX_PIXELS:
            raise UnreadablePhoto("it has too many pixels")
        return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except UnreadablePhoto:
        raise
    except Image.DecompressionBombError:
        raise UnreadablePhoto("it has too many pixels") from None
    except (OSError, ValueError, SyntaxError):  # as Pillow and libheif word a damaged file
        raise UnreadablePhoto("the file is truncated or damaged") from None


def encode_jpeg(image: np.ndarray, quality: int = 95) -> bytes:
    """Returns the JPEG of an image, uint8 [height, width, 3] RGB, with a quality of 0 to 100."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    is_encoded, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not is_encoded:
        raise UnreadablePhoto("OpenCV cannot encode the image")
    return data.tobytes()
