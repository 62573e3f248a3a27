"""Paths, folders, globs and camera numbers -> the photos, videos and cameras they stand for."""

import collections
import glob
import logging
import os
import pathlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem

logger = logging.getLogger(__name__)

PHOTO_ENDINGS: tuple[str, ...] = (".jpg", ".jpeg", ".jfif", ".jpe", ".png", ".webp", ".bmp")
PHOTO_ENDINGS += (".tif", ".tiff", ".heic", ".heif", ".avif")
VIDEO_ENDINGS: tuple[str, ...] = (
    ".mp4",
    ".m4v",
    ".mov",
    ".avi",
    ".mkv",
    ".webm",
    ".mpg",
    ".mpeg",
    ".vob",
)
VIDEO_ENDINGS += (".ts", ".mts", ".m2ts", ".flv", ".wmv", ".asf", ".3gp", ".3g2", ".ogv")
# From 100 on OpenCV takes a number for that of a driver.
CAMERA = re.compile("(?:/dev/video)?([0-9]{1,2})")


@dataclass(frozen=True)
class Input:
    """One photo, video or camera.

    Attributes:
      path: as it was given, or found in a folder; a camera's number as text.
      drawn: name of its drawn copy, relative to the folder for these.
      is_video: whether it has frames.
      is_live: whether its end is not known: a camera, or a named pipe with a video's ending.
      camera: its number, or None.
    """

    path: str
    drawn: str
    is_video: bool = False
    is_live: bool = False
    camera: int | None = None


def find_inputs(patterns: Iterable[str]) -> list[Input]:
    """Returns what paths, folders (with subfolders), globs and camera numbers stand for, each once.

    A number is a camera only if no file or folder has that name. What a folder or glob stands for
    is sorted.

    Raises:
      InputError: a pattern that stands for nothing, or a video in a bucket.
      SettingError: a camera or pipe beside others, which would wait for its end.
    """
    inputs: dict[str, Input] = {}  # by absolute path: one file can be given in several spellings
    names: set[str] = set()
    for pattern in patterns:
        folder = pattern if filesystem.isdir(pattern) else None
        for path in sorted(_find(pattern)):
            place = path if filesystem.is_remote(path) else os.path.abspath(path)
            if place not in inputs:
                inputs[place] = _make_input(path, folder, names)
                names.add(inputs[place].drawn)
    live = [entry.path for entry in inputs.values() if entry.is_live]
    if live and len(inputs) > 1:
        raise SettingError(
            f"--image-path {live[0]}: expected a camera or pipe alone, because its end is not "
            f"known; got {len(inputs) - 1} more beside it"
        )
    return list(inputs.values())


def check_draw_dir(folder: str, inputs: Iterable[Input]) -> None:
    """Raises SettingError if drawn copies could replace the originals, or cannot be written."""
    root = os.path.join(os.path.realpath(folder), "")
    for entry in inputs:
        if entry.is_video and filesystem.is_remote(folder):
            raise SettingError(
                f"--draw {folder}: copies of videos are written on this machine only"
            )
        if not entry.is_live and os.path.realpath(entry.path).startswith(root):
            raise SettingError(
                f"--draw {folder}: expected a folder without the photos, it holds {entry.path}"
            )


def _find(pattern):
    """Returns the paths that a pattern stands for, at least one."""
    if filesystem.is_remote(pattern):
        found = filesystem.find_files(pattern, PHOTO_ENDINGS + VIDEO_ENDINGS)
    elif os.path.isdir(pattern):
        found = _list_folder(pattern)
    elif os.path.lexists(pattern) or CAMERA.fullmatch(pattern):
        found = [pattern]
    else:
        found = glob.glob(pattern, recursive=True)
    if not found:
        raise InputError(
            f"--image-path {pattern}: expected a photo, a video, a folder with them, a glob or a "
            "camera's number, found nothing"
        )
    return found


def _list_folder(folder):
    """Returns the photos and videos in a folder. Links to nowhere count: their records say why."""
    found: list[str] = []
    left_out: collections.Counter[str] = collections.Counter()
    for parent, _, files in os.walk(folder):
        for name in files:
            if name.lower().endswith(PHOTO_ENDINGS + VIDEO_ENDINGS):
                found.append(os.path.join(parent, name))
            else:
                left_out[os.path.splitext(name)[1].lower() or "without an ending"] += 1
    if left_out:
        most_first = sorted(left_out.items(), key=lambda pair: (-pair[1], pair[0]))
        counts = ", ".join(f"{count} {ending}" for ending, count in most_first)
        logger.info("%s: left out what is no photo or video by its ending: %s", folder, counts)
    return [path for path in found if os.path.isfile(path) or not os.path.exists(path)]


def _make_input(path, folder, names):
    """Returns the Input of a path, given or found in `folder`; `names` are taken."""
    is_file = os.path.exists(path) and not path.startswith("/dev/")
    camera = None if is_file else CAMERA.fullmatch(path)
    is_video = bool(camera) or path.lower().endswith(VIDEO_ENDINGS)
    if is_video and filesystem.is_remote(path):
        raise InputError(
            f"--image-path {path}: expected photos, videos are read from this machine only; "
            "copy it here first"
        )
    drawn = os.path.relpath(path, folder) if folder else os.path.basename(path)
    drawn = f"camera-{camera[1]}" if camera else drawn
    if not (is_video and drawn.lower().endswith(".mp4")):
        drawn += ".mp4" if is_video else ".jpg"
    while drawn in names:  # equal names from several folders
        drawn = f"_{drawn}"
    is_live = bool(camera) or is_video and pathlib.Path(path).is_fifo()
    return Input(path, drawn, is_video, is_live, int(camera[1]) if camera else None)
