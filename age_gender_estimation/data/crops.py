"""Image files of a dataset in, face crops on disk out; worker processes run this.

A crop has a JPEG comment that names the image's content and the settings from which it was made. A
crop is kept if the comment is the one that it would get, so a restarted run reuses nothing stale.
"""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from age_gender_estimation.faces.align import UnusableFace
from age_gender_estimation.faces.crop import GEOMETRIES, crop_face, resize_square
from age_gender_estimation.faces.detector import central_face, find_faces
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, encode_jpeg, read_photo
from age_gender_estimation.storage.error_text import add_filename

JPEG_QUALITY = 95
RECIPE = 3  # to be increased when the same settings give other pixels
# Which face of an image becomes the crop, see CropSettings.
WHOLE, CENTRAL, ONLY = "whole", "central", "only"
COMMENT = re.compile(rb"\xff\xd8\xff\xfe(..)", re.DOTALL)


@dataclass(frozen=True)
class CropSettings:
    """What a worker needs to know.

    Attributes:
      photo_dir: the folder of the dataset's images.
      crop_dir: the folder of the crops.
      temporary_dir: a folder for unfinished crops, on the same file system as the crops.
      img_size: side of a crop in pixels.
      geometry: name of the crop geometry.
      face: "whole": the image is a crop already. "central": cut the large face near the centre.
        "only": cut the only face; an image with several is dropped, because it is unknown whose
        labels it has.
    """

    photo_dir: str
    crop_dir: str
    temporary_dir: str
    img_size: int
    geometry: str
    face: str = WHOLE


def safe_relative_path(path: str) -> str | None:
    """Returns a path in normal form; None if it is empty, absolute or contains `..`."""
    parts = path.replace("\\", "/").split("/")
    if not path or "\0" in path or path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        return None
    normal = "/".join(part for part in path.split("/") if part not in ("", "."))
    return normal or None


def crop_name(path: str) -> str:
    """Returns the name of the crop of an image: the same name, with a JPEG ending."""
    return path if path.lower().endswith((".jpg", ".jpeg")) else f"{path}.jpg"


def make_crops(settings: CropSettings, paths: Iterable[str]) -> list[tuple[str, str]]:
    """Makes the crops of images, except for those that exist already.

    Args:
      settings: where the images are and what to cut from them.
      paths: relative to settings.photo_dir, as the dataset has them (untrusted).

    Returns:
      (SHA-256 of the image file in hex, "") or ("", drop reason) for each path.

    Raises:
      OSError: a crop cannot be written.
    """
    # Processes that rename files in one folder wait for each other: 1.0 ms a file instead of 0.4.
    with tempfile.TemporaryDirectory(dir=settings.temporary_dir) as folder:
        maker = _CropMaker(settings, os.path.join(folder, "crop.jpg"))
        return [maker.make_crop(path) for path in paths]


class _CropMaker:
    """Makes the crops of one chunk, and remembers the real paths of its folders."""

    def __init__(self, settings: CropSettings, temporary: str) -> None:
        self._settings, self._temporary = settings, temporary
        self._settings_text = _settings_text(settings)
        self._real_folders: dict[str, str] = {}
        self._root, self._crops = (
            os.path.join(os.path.realpath(folder), "")
            for folder in (settings.photo_dir, settings.crop_dir)
        )

    def make_crop(self, path: str) -> tuple[str, str]:
        """Returns what `make_crops` returns for one path."""
        normal = safe_relative_path(path)
        source = self._resolve(normal) if normal else None
        if not normal or not source:
            return "", "unsafe_path"
        if not os.path.isfile(source):
            return "", "missing_file"
        try:
            data = read_photo(source)
        except (OSError, UnreadablePhoto):
            return "", "unreadable_file"
        content = hashlib.sha256(data).hexdigest()
        comment = f"{content} {self._settings_text}".encode()
        target = os.path.join(self._settings.crop_dir, crop_name(normal))
        if _read_comment(target) == comment:
            return content, ""
        try:
            image = decode_photo(data)
        except UnreadablePhoto:
            return "", "unreadable_file"
        crop, reason = _cut_face(self._settings, image)
        if crop is None:
            return "", reason
        jpeg = encode_jpeg(resize_square(crop, self._settings.img_size), JPEG_QUALITY)
        self._write(target, _add_comment(jpeg, comment))
        return content, ""

    def _resolve(self, normal: str) -> str | None:
        """Returns the real path of an image, links followed.

        None if it is outside the photo folder, or among the crops, which would replace it.
        """
        folder, name = os.path.split(os.path.join(self._settings.photo_dir, normal))
        # Following the links of each path takes a tenth of the time of a crop.
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        source = os.path.join(self._real_folders[folder], name)
        if os.path.islink(source):
            source = os.path.realpath(source)
        is_inside = source.startswith(self._root) and not source.startswith(self._crops)
        return source if is_inside else None

    def _write(self, target: str, data: bytes) -> None:
        with add_filename(target, self._temporary):
            with open(self._temporary, "wb") as file:
                file.write(data)
            try:
                os.replace(self._temporary, target)
            except FileNotFoundError:
                os.makedirs(os.path.dirname(target), exist_ok=True)
                os.replace(self._temporary, target)


def _cut_face(settings: CropSettings, image: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Returns (uint8 [height, width, 3], "") or (None, drop reason)."""
    if settings.face == WHOLE:
        return image, ""
    faces = find_faces(image)
    if not faces:
        return None, "no_face"
    if settings.face == ONLY and len(faces) > 1:
        return None, "several_faces"
    try:
        return crop_face(image, central_face(faces, image), GEOMETRIES[settings.geometry]), ""
    except UnusableFace:
        return None, "no_face"


def _settings_text(settings: CropSettings) -> str:
    """Returns all settings that decide the pixels of a crop."""
    geometry = settings.geometry
    if settings.face != WHOLE:  # else the geometry is only a name
        numbers = json.dumps(GEOMETRIES[geometry].to_dict(), sort_keys=True)
        digest = hashlib.sha256(numbers.encode()).hexdigest()[:16]
        geometry = f"{geometry} {settings.face} {digest}"
    return f"{settings.img_size} {geometry} q{JPEG_QUALITY} r{RECIPE}"


def _add_comment(jpeg: bytes, comment: bytes) -> bytes:
    length = (len(comment) + 2).to_bytes(2, "big")
    return jpeg[:2] + b"\xff\xfe" + length + comment + jpeg[2:]


def _read_comment(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            head = file.read(256)
    except OSError:
        return None
    match = COMMENT.match(head)
    if not match:
        return None
    return head[match.end() : match.end() - 2 + int.from_bytes(match[1], "big")]
