"""Orientations by Pillow, which writes and applies them by itself."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from age_gender_estimation.faces.exif import webp_orientation
from age_gender_estimation.faces.photo import decode_photo


def webp(image, orientation, prefix=b""):
    exif = Image.Exif()
    exif[0x0110] = "a camera"
    exif[0x0112] = orientation
    data = io.BytesIO()
    content = prefix + exif.tobytes().removeprefix(b"Exif\0\0")
    Image.fromarray(image).save(data, "WEBP", lossless=True, exif=content)
    return data.getvalue()


@pytest.mark.parametrize("style", ["WEBP", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_webp_and_a_png_are_turned_as_pillow_turns_them(noise_image, style, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    options = {"lossless": True} if style == "WEBP" else {}
    Image.fromarray(noise_image).save(data, style, exif=exif, **options)
    expected = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data.getvalue()))))
    decoded = decode_photo(data.getvalue())
    np.testing.assert_array_equal(decoded, expected)
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_orientation_is_found_behind_other_tags(noise_image, prefix):
    assert webp_orientation(webp(noise_image, 6, prefix)) == 6


def test_a_broken_or_missing_orientation_means_upright(noise_image):
    whole = webp(noise_image, 6)
    start = whole.index(b"EXIF")
    for data in (
        whole[: start + 16],  # cut off within the header
        whole[: start + 30],  # within the tags
        whole[:start],
        whole.replace(b"MM\0*", b"XX\0*"),
        whole.replace(b"\x01\x12\0\x03\0\0\0\x01\0\x06", b"\x01\x12\0\x03\0\0\0\x01\0\x63"),
        b"RIFF",
    ):
        assert webp_orientation(data) == 1
