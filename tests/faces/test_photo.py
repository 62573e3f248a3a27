"""Photos as people have them; Pillow, not OpenCV, writes the unusual ones."""

import io
import os
import struct
import subprocess
import sys
import types
import zipfile
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from age_gender_estimation.faces.photo import (
    MAX_BYTES,
    UnreadablePhoto,
    decode_photo,
    encode_jpeg,
    read_photo,
)
from tests.conftest import ROOT


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
def test_every_format_gives_the_same_image(noise_image, mode, style, options, tolerance):
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
    thumbnail = encode_jpeg(noise_image[:16, :16])  # with its own end marker
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
        (b"<html></html>", "not an image"),
        (b"\xff\xd8", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
    ],
)
def test_other_bytes_are_refused_with_the_reason(data, message):
    with pytest.raises(UnreadablePhoto, match=message):
        decode_photo(data)


def test_one_pixel_is_no_face():
    with pytest.raises(UnreadablePhoto, match="1x1 pixels"):
        decode_photo(saved(Image.new("RGB", (1, 1)), "PNG"))


def with_size(data, offset, style):
    """Returns `data` with 20,000 x 20,000 pixels in its header, at `offset`."""
    return (
        data[:offset] + struct.pack(style, 20_000, 20_000) + data[offset + struct.calcsize(style) :]
    )


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bombs():
    """Returns {name: a file of some KB whose header says 20,000 x 20,000 pixels}."""
    small = Image.new("RGB", (64, 64))
    jpeg, bmp = saved(small, "JPEG"), saved(small, "BMP")
    tiff = saved(small, "TIFF")
    for tag in (256, 257):  # width and height, as 32-bit numbers
        entry = tiff.index(struct.pack("<HHII", tag, 4, 1, 64))
        tiff = tiff[:entry] + struct.pack("<HHII", tag, 4, 1, 20_000) + tiff[entry + 12 :]
    pixels = zlib.compressobj(9)
    rows = b"".join(pixels.compress(b"\0" * 2501) for _ in range(20_000)) + pixels.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0))
    return {
        "whole.png": b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""),
        "lie.jpg": with_size(jpeg, jpeg.index(b"\xff\xc0") + 5, ">HH"),
        "lie.bmp": with_size(bmp, 18, "<ii"),
        "lie.tif": tiff,
        # VP8L stores each side less one in 14 bits.
        "lie.webp": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f"
        + (16382 | 16382 << 14).to_bytes(4, "little")
        + bytes(9),
    }


def test_a_few_kb_of_400_million_pixels_are_refused_before_they_take_memory(tmp_path):
    files = bombs()
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert len(data) < 60_000
    code = (
        "import pathlib, resource, sys\n"
        "from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak()\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    try: decode_photo(path.read_bytes())\n"
        "    except UnreadablePhoto as error: print(path.name, error)\n"
        "print((peak() - before) // 1024)\n"
    )
    # In a process of its own: OpenCV reads its limit when it is imported, and the test measures
    # memory.
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    *lines, megabytes = done.stdout.splitlines()
    assert lines == [f"{name} it has too many pixels" for name in sorted(files)], done.stderr
    assert int(megabytes) < 50


def test_a_jpeg_of_endless_scans_is_refused(noise_image):
    data = saved(Image.fromarray(noise_image), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    for number, is_read in ((0, True), (50, True), (100, False)):
        many = data[:-2] + data[last:-2] * number + data[-2:]
        if is_read:
            assert decode_photo(many).shape == noise_image.shape
        else:
            with pytest.raises(UnreadablePhoto, match="at most 100 scans"):
                decode_photo(many)
    video = np.random.default_rng(0).bytes(10_000_000)  # as phones append one to a photo
    assert video.count(b"\xff\xda") > 100
    assert decode_photo(data + video).shape == noise_image.shape


@pytest.mark.parametrize("style", ["JPEG", "PNG"])
def test_an_archive_behind_an_image_does_not_matter(noise_image, style):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("x", bytes(20_000))
    assert (
        decode_photo(saved(Image.fromarray(noise_image), style) + archive.getvalue()).shape
        == noise_image.shape
    )


def test_a_png_that_only_mentions_its_end_is_truncated(noise_image):
    data = saved(Image.fromarray(noise_image), "PNG")
    with pytest.raises(UnreadablePhoto, match="truncated"):
        decode_photo(data[: len(data) // 2] + b"IEND")


@pytest.mark.parametrize("ending", [".jp2", ".ppm", ".hdr", ".ras"])
def test_opencvs_other_decoders_stay_out_of_reach(noise_image, ending):
    data = cv2.imencode(ending, noise_image)[1].tobytes()
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is not None
    with pytest.raises(UnreadablePhoto, match="not an image"):
        decode_photo(data)


def test_a_folder_pipe_device_or_huge_file_is_refused(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "device.jpg").symlink_to("/dev/zero")
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with open(tmp_path / "large.jpg", "wb") as file:
        file.truncate(MAX_BYTES + 1)
    for name in ("folder", "pipe", "device"):
        with pytest.raises(
            UnreadablePhoto, match="expected a file, found a folder, pipe or device"
        ):
            read_photo(str(tmp_path / f"{name}.jpg"))
    with pytest.raises(UnreadablePhoto, match="at most 800 MB"):
        read_photo(str(tmp_path / "large.jpg"))
    with pytest.raises(OSError, match="Too many levels"):
        read_photo(str(tmp_path / "loop.jpg"))


def avif(image, **options):
    pytest.importorskip("PIL._avif", reason="this Pillow writes no AVIF")
    return saved(Image.fromarray(image), "AVIF", quality=95, **options)


def test_heic_and_avif_need_an_extra_which_the_refusal_names(noise_image, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as if not installed
    for data in (avif(noise_image), b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"):
        with pytest.raises(UnreadablePhoto, match=r"age-gender-estimation\[heif\]"):
            decode_photo(data)


def test_with_the_extra_an_avif_is_decoded_upright(noise_image, monkeypatch):
    # Pillow itself decodes AVIF; the library of the extra adds HEIC.
    library = types.SimpleNamespace(register_heif_opener=lambda: None)
    monkeypatch.setitem(sys.modules, "pillow_heif", library)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = avif(np.ascontiguousarray(np.rot90(noise_image)), exif=exif)
    decoded = decode_photo(data)
    assert decoded.shape == noise_image.shape
    assert np.abs(decoded.astype(int) - noise_image).mean() < 6
    for broken in (data[: len(data) // 2], data[:40]):
        with pytest.raises(UnreadablePhoto, match="truncated or damaged"):
            decode_photo(broken)
