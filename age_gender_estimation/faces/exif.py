"""The EXIF orientation of a WebP: the bytes of a file in, one of eight ways to turn it out."""

import struct
from collections.abc import Iterator

import numpy as np

ORIENTATION = 0x0112  # the number of the tag
UPRIGHT = 1
SHORT = 3  # the type of its value


def webp_orientation(data: bytes) -> int:
    """Returns the EXIF orientation of a WebP, 1 to 8; UPRIGHT if it has none, or a broken one.

    https://developers.google.com/speed/webp/docs/riff_container
    """
    for name, content in _chunks(data):
        if name == b"EXIF":
            # Some writers repeat the header that EXIF has in a JPEG.
            orientation = _tiff_orientation(content.removeprefix(b"Exif\0\0"))
            return orientation if 1 <= orientation <= 8 else UPRIGHT
    return UPRIGHT


def apply_orientation(image: np.ndarray, orientation: int) -> np.ndarray:
    """Returns an image, [height, width, 3], as a viewer shows it; EXIF 2.3, tag 0x0112."""
    if orientation >= 5:  # rows and columns are exchanged
        image = image.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    return np.ascontiguousarray(image)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yields (name, content) of a RIFF file."""
    start = 12
    while start + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, start)
        yield name, data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2


def _tiff_orientation(data: bytes) -> int:
    """Returns the value of the tag in the first folder of a TIFF, 0 if there is none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return 0
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for index in range(count):
            entry = struct.unpack_from(f"{order}HHIH", data, start + 2 + 12 * index)
            if entry[:2] == (ORIENTATION, SHORT):
                return entry[3]
    except struct.error:
        pass
    return 0
