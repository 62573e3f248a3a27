"""What people have for an image (a path, bytes, an array, a Pillow image) -> an RGB array."""

import os
import sys
from typing import TYPE_CHECKING, TypeAlias, Union

import cv2
import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import MIN_SIDE, UnreadablePhoto, decode_photo, read_photo

if TYPE_CHECKING:
    import PIL.Image

AnyImage: TypeAlias = Union[  # noqa: UP007 - a string in `|` is no type while this runs
    str, os.PathLike, bytes, bytearray, memoryview, np.ndarray, "PIL.Image.Image"
]
# Pillow's modes of 8 bits a channel, or 1.
PILLOW_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")
EXPECTED = (
    "a path, the bytes of an image file, a PIL.Image or a uint8 array [height, width, 3] in RGB"
)


def to_rgb(image: AnyImage) -> np.ndarray:
    """Returns an image as uint8 [height, width, 3] RGB, upright.

    Args:
      image: a path; the bytes of a JPEG, PNG, WebP, BMP or TIFF; a Pillow image; or an array,
        uint8 [height, width, 3] RGB, [height, width, 4] RGBA, or [height, width] grey. Files and
        Pillow images are turned as their EXIF orientation says.

    Raises:
      InputError: anything else, an image below 16 pixels, or a file that cannot be read.
    """
    if isinstance(image, np.ndarray):
        return _from_array(image)
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _from_file(lambda: bytes(image), f"{len(image)} bytes")
    if isinstance(image, (str, os.PathLike)):
        path = os.fsdecode(image)
        return _from_file(lambda: read_photo(path), path)
    pillow = sys.modules.get("PIL.Image")  # who has such an image has imported it
    if pillow and isinstance(image, pillow.Image):
        return _from_pillow(image)
    raise InputError(f"expected {EXPECTED}, got {type(image).__name__}")


def _from_file(read, name):
    try:
        return decode_photo(read())
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror or error})") from None
    except UnreadablePhoto as error:
        raise InputError(f"{name}: cannot be read ({error})") from None


def _from_pillow(image):
    from PIL import ImageOps

    if image.mode not in PILLOW_MODES:
        raise InputError(f"expected a PIL.Image with 8 bits a channel, got mode {image.mode}")
    try:
        return _from_array(np.array(ImageOps.exif_transpose(image).convert("RGB")))
    except OSError as error:  # Pillow reads the file only now
        raise InputError(f"a PIL.Image: cannot be read ({error})") from None


def _from_array(array):
    if array.dtype != np.uint8:
        raise InputError(f"expected an array of uint8 in [0, 255], got {array.dtype}")
    is_image = array.ndim == 2 or array.ndim == 3 and array.shape[2] in (1, 3, 4)
    if not is_image or min(array.shape[:2]) < MIN_SIDE:
        raise InputError(
            f"expected an array [height, width, 3] in RGB of at least {MIN_SIDE} x {MIN_SIDE} "
            f"pixels (or [height, width] or RGBA), got {list(array.shape)}"
        )
    if array.ndim == 2 or array.shape[2] == 1:
        return cv2.cvtColor(np.ascontiguousarray(array), cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(array[..., :3])
