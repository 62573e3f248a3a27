"""Decoding of videos and cameras: uint8 [height, width, 3] RGB frames, upright."""

import os
from collections.abc import Iterator

import cv2
import numpy as np

from age_gender_estimation.faces.photo import MIN_SIDE

MAX_PIXELS = 8192 * 8192  # of a frame: 200 MB, held several times
DEFAULT_FPS = 25.0  # where the header gives no plausible rate
# Some MOV files give the 600 ticks of their clock as the frame rate, WebM of browsers 1000.
LEAST_TICKS = 600


class UnreadableVideo(ValueError):
    """No frame can be read; the message says why."""


class Video:
    """An open video. It can be iterated over once, and holds one frame in memory.

    Args:
      source: a path, or the number of a camera.

    Attributes:
      fps: frames per second.
      num_frames: the number of frames by the header, or None if unknown.
      problem: after the last frame: why frames are missing, or "".

    Raises:
      UnreadableVideo: there is no such video or camera, or its frames are too small or too large.
    """

    def __init__(self, source: str | int) -> None:
        if isinstance(source, int):
            self._capture = cv2.VideoCapture(source)
            refusal = f"expected a camera with the number {source}, found none"
        elif not os.access(source, os.R_OK):
            raise UnreadableVideo("the file does not exist, or may not be read")
        else:
            # FFmpeg only: another reader of OpenCV takes `clip1.mp4` for one of numbered images.
            self._capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
            refusal = (
                "not a video that OpenCV reads (MP4, MOV, AVI, MKV, WebM), "
                "or cut off before its index"
            )
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # as phones note it in the header
        width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if not (self._capture.isOpened() and width and height):
            raise UnreadableVideo(refusal)
        if min(width, height) < MIN_SIDE or width * height > MAX_PIXELS:
            limits = f"{MIN_SIDE}x{MIN_SIDE} to 8192x8192"
            raise UnreadableVideo(f"{width}x{height} pixels; expected {limits}")
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        num_frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.fps = fps if 1 <= fps < LEAST_TICKS else DEFAULT_FPS
        self.num_frames = int(num_frames) if 0 < num_frames < 2**53 else None
        self._seconds = num_frames / fps if self.num_frames and fps > 0 else 0.0
        self.problem = ""

    def __iter__(self) -> Iterator[np.ndarray]:
        count, seconds = 0, 0.0
        try:
            while (read := self._capture.read())[0]:
                count += 1
                seconds = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
            if count == 0:
                self.problem = "it holds no frame that OpenCV decodes"
            elif self._is_truncated(count, seconds):
                self.problem = f"it ends after {count} of {self.num_frames} frames"
        except cv2.error as error:
            self.problem = f"OpenCV refuses frame {count}: {error.err}"
        finally:
            self._capture.release()

    def _is_truncated(self, count: int, seconds: float) -> bool:
        # The header's number can be an estimate from the length of the sound. So the missing part
        # must be longer than a second, or than a tenth of the video.
        is_short = self.num_frames is not None and count < self.num_frames
        return is_short and self._seconds - seconds > min(1.0, self._seconds / 10)
