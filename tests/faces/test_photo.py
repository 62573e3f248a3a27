"""Photos as people have them. Pillow, another decoder than the code's, writes the odd ones."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, encode_jpeg


def saved(image, style, **options):
    data = io.BytesIO()
    image.save(data, style, **options)
    return data.getvalue()


@pytest.mark.parametrize(
    "mode, style, options, tolerance",
    [
        ("RGB", "PNG", {}, 0),
        ("RGB", "BMP", {}, 0),
        ("RGB", "TIFF", {}, 0),
        ("RGB", "JPEG", {"quality": 95}, 6),
        ("RGB", "JPEG", {"quality": 95, "progressive": True}, 6),
        ("CMYK", "JPEG", {"quality": 95}, 8),
        ("RGB", "WEBP", {"lossless": True}, 0),
        ("RGBA", "PNG", {}, 0),
    ],
)
def test_every_format_gives_the_same_picture(noise_image, mode, style, options, tolerance):
    decoded = decode_photo(saved(Image.fromarray(noise_image).convert(mode), style, **options))
    assert decoded.shape == noise_image.shape and decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - noise_image).mean() <= tolerance


def test_grey_becomes_three_equal_channels(noise_image):
    decoded = decode_photo(saved(Image.fromarray(noise_image[..., 0]), "PNG"))
    np.testing.assert_array_equal(decoded, np.repeat(noise_image[..., :1], 3, axis=2))


def test_sixteen_bits_become_eight(noise_image):
    deep = noise_image[..., ::-1].astype(np.uint16) * 257
    decoded = decode_photo(cv2.imencode(".png", deep)[1].tobytes())
    assert np.abs(decoded.astype(int) - noise_image).max() <= 1


@pytest.mark.parametrize("orientation, turn", [(3, 2), (6, -1), (8, 1)])
def test_exif_orientation_is_undone(noise_image, orientation, turn):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = np.ascontiguousarray(np.rot90(noise_image, -turn))
    decoded = decode_photo(saved(Image.fromarray(turned), "JPEG", quality=98, exif=exif))
    assert decoded.shape == noise_image.shape
    assert np.abs(decoded.astype(int) - noise_image).mean() < 6


@pytest.mark.parametrize("style", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_unreadable_not_grey(noise_image, style, share):
    data = saved(Image.fromarray(noise_image), style)
    with pytest.raises(UnreadablePhoto):
        decode_photo(data[: int(len(data) * share)])


def test_a_truncated_jpeg_with_a_whole_thumbnail_is_unreadable(noise_image):
    thumbnail = encode_jpeg(noise_image[:16, :16])  # has an end marker of its own
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    data = encode_jpeg(noise_image)
    whole = data[:2] + segment + data[2:]
    assert decode_photo(whole).shape == noise_image.shape
    with pytest.raises(UnreadablePhoto, match="truncated"):
        decode_photo(whole[:-40])


def test_bytes_after_the_end_of_a_jpeg_do_not_matter(noise_image):
    assert decode_photo(encode_jpeg(noise_image) + b"\0\0trailing").shape == noise_image.shape


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "empty"),
        (b"<html></html>", "not a picture"),
        (b"\xff\xd8", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
    ],
)
def test_what_is_no_picture_is_said_so(data, message):
    with pytest.raises(UnreadablePhoto, match=message):
        decode_photo(data)


def test_one_pixel_is_no_face():
    with pytest.raises(UnreadablePhoto, match="1x1 pixels"):
        decode_photo(saved(Image.new("RGB", (1, 1)), "PNG"))
