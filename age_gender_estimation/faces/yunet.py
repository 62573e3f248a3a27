"""YuNet through OpenCV: an image in, face boxes with landmarks and confidences out.

Wu et al., "YuNet: a tiny millisecond-level face detector", Machine Intelligence Research 2023. The
file of 233 KB (MIT licence) comes from OpenCV's zoo on first use, and is kept in the user's cache.
"""

import contextlib
import hashlib
import os
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from typing import Any

import cv2
import numpy as np

from age_gender_estimation.errors import InputError

FILE = "face_detection_yunet_2023mar.onnx"
SIZE = 232_589  # bytes
SHA256 = "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4"
BASE_URL = (
    "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/face_detection_yunet/"
)
PATH_VARIABLE = "AGE_GENDER_YUNET_FILE"  # names a file that is taken as it is
TIMEOUT = 20  # seconds without a byte
MIN_SCORE, OVERLAP, MAX_FOUND = 0.6, 0.3, 5000  # OpenCV's usual ones, except for the score's 0.9


class YuNet:
    """The network. Each thread that calls it gets its own copy, because OpenCV's is not shared.

    Args:
      data: the contents of the file.

    Raises:
      InputError: OpenCV cannot read it.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._local = np.frombuffer(data, np.uint8), threading.local()
        self._network()

    def _network(self) -> Any:
        if not hasattr(self._local, "network"):
            options = (320, 320), MIN_SCORE, OVERLAP, MAX_FOUND
            nothing = np.empty(0, np.uint8)
            try:
                network = cv2.FaceDetectorYN.create("onnx", self._data, nothing, *options)
            except cv2.error as error:
                raise InputError(
                    f"expected the YuNet face detector {FILE}, found {len(self._data)} bytes that "
                    f"OpenCV does not read ({error.err.splitlines()[0]:.80}); set {PATH_VARIABLE} "
                    "to another file or to nothing"
                ) from None
            self._local.network = network
        return self._local.network

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Finds the faces of at least about 10 pixels.

        Args:
          image: uint8 [height, width, 3] RGB.

        Returns:
          float64 boxes [faces, 4] (left, top, right, bottom), which may reach over the border;
          landmarks [faces, 5, 2] (x, y), of eyes, nose and corners of the mouth, left ones as the
          viewer sees them first; confidences [faces], MIN_SCORE to 1.
        """
        network = self._network()
        network.setInputSize(image.shape[1::-1])
        found = network.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1]
        # Rows of [left, top, width, height, 5 times x and y, confidence].
        rows = np.empty((0, 15)) if found is None else found.astype(np.float64)
        boxes = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:4]])
        return boxes, rows[:, 4:14].reshape(-1, 5, 2), rows[:, 14]


def load_yunet() -> YuNet:
    """Returns YuNet from the file that PATH_VARIABLE names, else from the cache or OpenCV's zoo.

    Raises:
      InputError: it cannot be had; the message says what to do.
    """
    path = os.environ.get(PATH_VARIABLE)
    if not path:
        return YuNet(fetch_file(cache_dir(), BASE_URL, FILE, SIZE, SHA256))
    try:
        with open(path, "rb") as file:
            return YuNet(file.read())
    except OSError as error:
        raise InputError(
            f"{PATH_VARIABLE}={path}: expected the YuNet face detector ({error.strerror})"
        ) from None


def cache_dir() -> str:
    """Returns the folder in which this project keeps downloaded files; it need not exist."""
    home = os.path.expanduser("~")
    if os.environ.get("XDG_CACHE_HOME"):
        base = os.environ["XDG_CACHE_HOME"]
    elif home == "~" or not os.path.isabs(home):  # a container's user may have no home
        base = tempfile.gettempdir()
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    elif sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
    else:
        base = os.path.join(home, ".cache")
    return os.path.join(base, "age-gender-estimation")


def fetch_file(folder: str, base_url: str, name: str, size: int, sha256: str) -> bytes:
    """Returns a published file, downloaded into a folder if it is not there yet.

    Args:
      folder: where it is kept; made if necessary.
      base_url: what its name is appended to.
      name: its name.
      size: its size in bytes.
      sha256: its SHA-256 in hex. What differs, there or downloaded, is not used.

    Raises:
      InputError: no network, other content than expected, or a folder that cannot be written.
    """
    path, url = os.path.join(folder, name), base_url + name
    with contextlib.suppress(OSError):
        with open(path, "rb") as file:
            data = file.read(size + 1)
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
    way_out = f"put {name} ({size} bytes) there by hand, or set {PATH_VARIABLE} to its path"
    try:
        os.makedirs(folder, exist_ok=True)
        # Processes that download at the same time write different files.
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            unfinished = os.path.join(temporary, name)
            data = _download(url, size, sha256, f"{folder}: {way_out}")
            with open(unfinished, "wb") as file:
                file.write(data)
            os.replace(unfinished, path)
    except OSError as error:
        raise InputError(
            f"{folder}: the face detector cannot be written here ({error.strerror}); set "
            f"XDG_CACHE_HOME to another folder, or {PATH_VARIABLE} to the path of {name}"
        ) from None
    return data


def _download(url: str, size: int, sha256: str, way_out: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            data = answer.read(size + 1)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"{url} cannot be downloaded ({reason}); {way_out}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        kind = "a web page" if data.lstrip()[:1] == b"<" else "another file, or a part of it"
        raise InputError(
            f"{url}: expected {size} bytes with the SHA-256 {sha256[:12]}..., got {kind}, of "
            f"{len(data)} bytes{'' if len(data) <= size else ' or more'}; {way_out}"
        )
    return data
