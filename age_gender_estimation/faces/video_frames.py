"""Decoding of videos and cameras. In: a path or a camera's number. Out: uint8 [height, width, 3] RGB frames, upright."""

import os

import cv2

from age_gender_estimation.faces.photo import MIN_SIDE

MAX_PIXELS = 8192 * 8192  # of a frame, which takes 200 MB in memory, several times
USUAL_FPS = 25.0  # where the header says nothing that can be
LEAST_TICKS = 600  # MOV of varying rate can give its clock's 600 ticks a second as the rate, WebM of browsers 1000


class UnreadableVideo(ValueError):
    """No frame can be read; the message says why."""


class Video:
    """An open video. Iterating over it, once, yields its frames; one is in memory at a time.

    Attributes:
      fps: frames per second.
      num_frames: how many there are by the header, or by the length in time; None where neither is known.
      problem: after the last frame: why frames are missing, or "".

    Args:
      source: a path, or the number of a camera.

    Raises:
      UnreadableVideo: no video or camera, or frames of a size that nothing can be found in.
    """

    def __init__(self, source):
        if isinstance(source, int):
            self._capture, refusal = (
                cv2.VideoCapture(source),
                f"expected a camera with the number {source}, found none",
            )
        elif not os.access(source, os.R_OK):
            raise UnreadableVideo("it is not there, or may not be read")
        else:  # FFmpeg alone: another of OpenCV's readers takes digits in names for those of numbered pictures
            self._capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
            refusal = "not a video that OpenCV reads (MP4, MOV, AVI, MKV, WebM), or cut off before its index"
        self._capture.set(
            cv2.CAP_PROP_ORIENTATION_AUTO, 1
        )  # phones turn videos by a note in the header
        width, height = (
            int(self._capture.get(side))
            for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if not (self._capture.isOpened() and width and height):
            raise UnreadableVideo(refusal)
        if min(width, height) < MIN_SIDE or width * height > MAX_PIXELS:
            raise UnreadableVideo(
                f"{width}x{height} pixels; expected {MIN_SIDE}x{MIN_SIDE} to 8192x8192"
            )
        fps, num_frames = (
            self._capture.get(cv2.CAP_PROP_FPS),
            self._capture.get(cv2.CAP_PROP_FRAME_COUNT),
        )
        self.fps = fps if 1 <= fps < LEAST_TICKS else USUAL_FPS
        self.num_frames = int(num_frames) if 0 < num_frames < 2**53 else None
        self._seconds = num_frames / fps if self.num_frames and fps > 0 else 0.0
        self.problem = ""

    def __iter__(self):
        number = seconds = 0
        try:
            while (read := self._capture.read())[0]:
                number, seconds = number + 1, self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                yield cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB)
            if number == 0:
                self.problem = "it holds no frame that OpenCV decodes"
            elif self._is_cut_off(number, seconds):
                self.problem = f"it ends after {number} of {self.num_frames} frames"
        except cv2.error as error:
            self.problem = f"OpenCV refused frame {number}: {error.err}"
        finally:
            self._capture.release()

    def _is_cut_off(self, number, seconds):
        # Their number can be an estimate from the length of video and sound: what is missing must be missing in time
        # too, and be more than a second or a tenth of all.
        is_short = self.num_frames is not None and number < self.num_frames
        return is_short and self._seconds - seconds > min(1.0, self._seconds / 10)
