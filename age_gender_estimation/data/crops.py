"""One picture of a dataset -> one face crop on disk. Runs in worker processes, which load TensorFlow only to find faces.

A finished crop carries a JPEG comment that says from which bytes and with which settings it was made. A restarted run
keeps a crop only if that comment is what it would write itself, so nothing stale is ever reused.
"""

import functools
import hashlib
import itertools
import json
import os
import re
import uuid
from dataclasses import dataclass

from age_gender_estimation.faces.align import UnusableFace
from age_gender_estimation.faces.crop import GEOMETRIES, crop_face, resize_square
from age_gender_estimation.faces.detector import central_face, find_faces
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, encode_jpeg, read_photo
from age_gender_estimation.storage.error_text import add_filename

JPEG_QUALITY = 95
RECIPE = 2  # goes up when the same settings give other pixels
WHOLE, CENTRAL, ONLY = (
    "whole",
    "central",
    "only",
)  # which face of a picture becomes the crop: see CropSettings
NUMBERS = itertools.count()  # of unfinished crops; one process may have several threads
COMMENT = re.compile(rb"\xff\xd8\xff\xfe(..)", re.DOTALL)


@dataclass(frozen=True)
class CropSettings:
    """What a worker needs to know.

    Attributes:
      photo_dir: folder of the dataset's pictures.
      crop_dir: folder of the crops.
      temporary_dir: folder on the same file system, for crops that are not finished; of this run alone.
      img_size: side of a crop in pixels.
      geometry: name of the crop geometry.
      face: "whole", the picture is a crop already; "central", the large face near its centre is cut; "only", the one
        face is cut, and a picture with several is dropped, because nothing says which one the labels mean.
    """

    photo_dir: str
    crop_dir: str
    temporary_dir: str
    img_size: int
    geometry: str
    face: str = WHOLE


def safe_relative_path(path):
    """Returns `path` in normal form, or None where it is no path inside a folder: absolute, with `..`, empty."""
    parts = path.replace("\\", "/").split("/")
    if not path or "\0" in path or path.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        return None
    normal = "/".join(part for part in path.split("/") if part not in ("", "."))
    return normal or None


def crop_name(path):
    """Returns the name of the crop made from the picture `path`: the same, and always with a JPEG ending."""
    return path if path.lower().endswith((".jpg", ".jpeg")) else f"{path}.jpg"


def make_crop(settings, path):
    """Makes the crop of one picture, unless it is there already.

    Args:
      settings: CropSettings.
      path: where the picture lies in settings.photo_dir, as the dataset says it.

    Returns:
      (hex digest of the picture's bytes, "") or ("", reason to drop it).

    Raises:
      OSError: the crop cannot be written.
    """
    source = _resolve(settings, path)
    if source is None:
        return "", "unsafe_path"
    if not os.path.isfile(source):
        return "", "missing_file"
    try:
        data = read_photo(source)
    except (OSError, UnreadablePhoto):
        return "", "unreadable_file"
    content = hashlib.sha256(data).hexdigest()
    target = os.path.join(settings.crop_dir, crop_name(safe_relative_path(path)))
    comment = f"{content} {settings.img_size} {_geometry_text(settings)} q{JPEG_QUALITY} r{RECIPE}".encode()
    if _comment_of(target) == comment:
        return content, ""
    try:
        image = decode_photo(data)
    except UnreadablePhoto:
        return "", "unreadable_file"
    crop, reason = _cut_face(settings, image)
    if reason:
        return "", reason
    jpeg = encode_jpeg(resize_square(crop, settings.img_size), JPEG_QUALITY)
    length = (len(comment) + 2).to_bytes(2, "big")
    _replace(settings, target, jpeg[:2] + b"\xff\xfe" + length + comment + jpeg[2:])
    return content, ""


def _cut_face(settings, image):
    """Returns (uint8 [height, width, 3], "") or (None, reason to drop the picture)."""
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


def _geometry_text(settings):
    """Returns what a crop's pixels owe to the geometry: nothing but its name where the picture was taken whole."""
    if settings.face == WHOLE:
        return settings.geometry
    numbers = json.dumps(GEOMETRIES[settings.geometry].to_dict(), sort_keys=True)
    return (
        f"{settings.geometry} {settings.face} {hashlib.sha256(numbers.encode()).hexdigest()[:16]}"
    )


def _resolve(settings, path):
    """Returns the real path of a picture, or None where it does not lie in the photo folder, links followed, or lies among
    the crops, which would replace it."""
    normal = safe_relative_path(path)
    if normal is None:
        return None
    folder, name = os.path.split(os.path.join(settings.photo_dir, normal))
    source = os.path.join(_real_folder(folder, settings.temporary_dir), name)
    if os.path.islink(source):
        source = os.path.realpath(source)
    root, crops = (
        os.path.join(_real_folder(folder, settings.temporary_dir), "")
        for folder in (settings.photo_dir, settings.crop_dir)
    )
    return source if source.startswith(root) and not source.startswith(crops) else None


@functools.lru_cache(4096)
def _real_folder(folder, _run):
    # Looks at every folder on the way: for each picture anew that took as long as a tenth of making its crop. Workers of a
    # cluster live longer than a run, so what they remember is of that run.
    return os.path.realpath(folder)


@functools.lru_cache(16)
def _own_folder(temporary_dir):
    # Files that two processes make and rename in one folder wait for each other: 1.0 ms instead of 0.4 (ext4, 20 KB).
    folder = os.path.join(temporary_dir, uuid.uuid4().hex)  # processes may be on several machines
    os.mkdir(folder)
    return folder


def _comment_of(path):
    try:
        with open(path, "rb") as file:
            head = file.read(256)
    except OSError:
        return None
    match = COMMENT.match(head)
    return head[match.end() : match.end() - 2 + int.from_bytes(match[1], "big")] if match else None


@functools.lru_cache(4096)
def _make_folder(folder, _run):
    os.makedirs(folder, exist_ok=True)


def _replace(settings, target, data):
    temporary = os.path.join(_own_folder(settings.temporary_dir), f"{next(NUMBERS)}.jpg")
    _make_folder(os.path.dirname(target), settings.temporary_dir)
    with add_filename(target), open(temporary, "wb") as file:
        file.write(data)
    os.replace(temporary, target)
