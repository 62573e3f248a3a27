"""What people name to have it answered -> photos, videos and cameras, each once. In: paths, folders, globs, numbers."""

import glob
import os
import pathlib
import re
import stat
from dataclasses import dataclass

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
VIDEO_ENDINGS = (
    ".mp4",
    ".m4v",
    ".mov",
    ".avi",
    ".mkv",
    ".webm",
    ".mpg",
    ".mpeg",
    ".vob",
    ".ts",
    ".mts",
    ".m2ts",
    ".flv",
    ".wmv",
    ".asf",
    ".3gp",
    ".3g2",
    ".ogv",
)
MAX_NAME_BYTES = 230  # of the name of a drawn copy
CAMERA = re.compile(
    "(?:/dev/video)?([0-9]{1,2})"
)  # from 100 on OpenCV takes a number for that of a driver
# How MP4 and MOV, MKV and WebM, and AVI begin. HEIC and AVIF photos begin as MP4 does, then give their name.
VIDEO_START = re.compile(
    rb"....ftyp(?!heic|heix|mif1|avif)|\x1a\x45\xdf\xa3|RIFF....AVI ", re.DOTALL
)


@dataclass(frozen=True)
class Input:
    """One photo, video or camera.

    Attributes:
      path: as it was given, or found in a folder that was given; a camera's number as text.
      drawn: name of its drawn copy, relative to the folder for these.
      is_video: whether it has frames.
      is_live: whether it has no end known before: a camera or a pipe.
    """

    path: str
    drawn: str
    is_video: bool
    is_live: bool

    @property
    def source(self):
        """What faces.video.Video opens: the path, or a camera's number."""
        return int(CAMERA.fullmatch(self.path)[1]) if _is_camera(self.path) else self.path


def find_inputs(patterns):
    """Returns what paths, folders (with their subfolders), globs and camera numbers stand for.

    What exists under a name is meant by it: a number is a camera only where no file or folder is called so.

    Returns:
      {path: Input}; those of each pattern sorted.

    Raises:
      InputError: a pattern that stands for nothing.
      SettingError: something live beside others, which would wait for its end.
    """
    inputs, names, places = {}, set(), set()
    for pattern in patterns:
        folder = pattern if filesystem.isdir(pattern) else None
        found = _find(pattern)
        if not found:
            raise InputError(
                f"--image-path {pattern}: expected a photo, a video, a folder with them, a glob or a "
                "camera's number, found nothing"
            )
        for path in sorted(set(found)):
            place = path if filesystem.is_remote(path) else os.path.abspath(path)
            if place in places:  # given before, in this spelling or another
                continue
            places.add(place)
            is_video, is_live = _kind(path)
            if is_video and filesystem.is_remote(path):
                raise InputError(
                    f"--image-path {path}: expected photos, videos are read from this machine only; "
                    "copy it here first"
                )
            name = os.path.relpath(path, folder) if folder else os.path.basename(path)
            name = f"camera-{CAMERA.fullmatch(path)[1]}" if _is_camera(path) else name
            name = _shortened(name)
            name = (
                name
                if is_video and name.lower().endswith(".mp4")
                else name + (".mp4" if is_video else ".jpg")
            )
            while name in names:  # equal names from several folders
                name = f"_{name}"
            names.add(name)
            inputs[path] = Input(path, name, is_video, is_live)
    live = [entry.path for entry in inputs.values() if entry.is_live]
    if live and len(inputs) > 1:
        raise SettingError(
            f"--image-path {live[0]}: expected a camera or pipe alone, as its end is not known; "
            f"got {len(inputs) - 1} more beside it"
        )
    return inputs


def _find(pattern):
    if filesystem.is_remote(pattern):
        return filesystem.find_files(pattern, PHOTO_ENDINGS + VIDEO_ENDINGS)
    if os.path.isdir(pattern):
        found = [
            os.path.join(parent, name)
            for parent, _, files in os.walk(pattern)
            for name in files
            if name.lower().endswith(PHOTO_ENDINGS + VIDEO_ENDINGS)
        ]
        # Nobody means a pipe or device by a folder that it is in. A link that leads nowhere will be said to.
        return [path for path in found if os.path.isfile(path) or not os.path.exists(path)]
    if os.path.exists(pattern) or _is_camera(pattern):
        return [pattern]
    if "**" in pattern.split(os.sep):
        # Not glob.glob, which follows links to folders, and so walks for ever where two lead to a folder above them.
        root = os.path.join(pathlib.Path(pattern).anchor, "")
        relative = os.path.relpath(pattern, root or ".")
        return [
            str(path)
            for path in pathlib.Path(root).glob(
                f"{relative}/*" if relative.endswith("**") else relative
            )
        ]
    return glob.glob(pattern)


def _shortened(name):
    """Returns a relative path whose last part leaves room for what is put around it, in the 255 bytes of a file's name."""
    folder, last = os.path.split(name)
    stem, ending = os.path.splitext(last)
    if len(os.fsencode(last)) > MAX_NAME_BYTES:
        last = (
            os.fsencode(stem)[: MAX_NAME_BYTES - len(os.fsencode(ending))].decode(errors="ignore")
            + ending
        )
    return os.path.join(folder, last)


def _is_camera(path):
    return CAMERA.fullmatch(path) is not None and (
        path.startswith("/dev") or not os.path.exists(path)
    )


def _kind(path):
    """Returns whether a path is a video, by its ending or else its first bytes, and whether it is live."""
    if _is_camera(path):
        return True, True
    if path.lower().endswith(VIDEO_ENDINGS):
        return True, os.path.exists(path) and stat.S_ISFIFO(
            os.stat(path).st_mode
        )  # a link may lead nowhere
    if path.lower().endswith(PHOTO_ENDINGS) or not os.path.isfile(path):
        return False, False
    try:
        with open(path, "rb") as file:
            return VIDEO_START.match(file.read(12)) is not None, False
    except OSError:  # its record will say why
        return False, False
