"""A video or camera -> a record per face and frame, and a copy with the predictions drawn in."""

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from age_gender_estimation.faces.detector import DEFAULT_SEARCH, FaceSearch
from age_gender_estimation.faces.video_frames import UnreadableVideo, Video
from age_gender_estimation.predict.drawing import draw_faces
from age_gender_estimation.predict.photos import predict_image
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.predict.records import FaceRecord


def predict_video(
    predictor: Predictor,
    source: str | int,
    is_crop: bool = False,
    every: int = 1,
    min_confidence: float = 0.0,
    drawn: str | None = None,
    is_live: bool = False,
    progress: Callable[[Video], Iterable[np.ndarray]] = iter,
    should_stop: Callable[[], bool] = lambda: False,
    search: FaceSearch = DEFAULT_SEARCH,
) -> Iterator[FaceRecord]:
    """Yields a FaceRecord per face of every `every`th frame; memory holds one frame.

    A frame without a face gives one record with `error`. A video that cannot be opened, ends too
    early or has no whole copy gives one too, without `frame`, after those of its frames.

    Args:
      predictor: the model.
      source: a path, or the number of a camera.
      is_crop: whether frames are face crops already, in which no face is searched.
      every: predict each `every`th frame, starting with the first.
      min_confidence: a class of a lower probability becomes UNKNOWN.
      drawn: path of an MP4 of all frames with boxes and labels, or None. Frames that are not
        predicted show the boxes of the last one that was.
      is_live: whether frames arrive in real time; see DrawnVideo.
      progress: wraps the Video whose frames are read, as tqdm does.
      should_stop: called after each frame; True ends the video there, with a whole copy.
      search: which faces are searched.
    """
    name, records = str(source), []
    try:
        video = Video(source)
    except UnreadableVideo as error:
        yield FaceRecord(name, error=f"cannot be read: {error}")
        return
    generator: Any = iter(progress(video))
    copying = DrawnVideo(drawn, video.fps, is_live) if drawn else contextlib.nullcontext()
    with contextlib.closing(generator) as frames, copying as copy:
        for number, frame in enumerate(frames):
            if number % every == 0:
                records = predict_image(predictor, frame, name, is_crop, min_confidence, search)
                for record in records:
                    record.frame = number
                yield from records
            if copy:
                copy.write(draw_faces(frame, records))
            if should_stop():
                break
    if video.problem:
        yield FaceRecord(name, error=f"cannot be read: {video.problem}")
    if copy and copy.problem:
        yield FaceRecord(name, error=f"the drawn copy is missing: {copy.problem}")


class DrawnVideo:
    """A silent MP4 (MPEG-4 part 2, which OpenCV's wheel can write), written frame by frame.

    Use it in a `with`. It is written as `PATH.tmp.mp4` and renamed at the end of the `with`, unless
    that ends with an exception. It has the size of the first frame; an odd side loses a pixel.

    Attributes:
      problem: why there is no whole copy, or "". A size that cannot be written (over 8190 pixels)
        is known from the first frame on, missing frames after the `with`.

    Args:
      path: the file; missing folders are made.
      fps: frames per second, from 1 to 600; written with two digits after the point.
      is_live: repeat frames until the next one arrives, so that the copy lasts as long as the
        recording, however long the predictions took.
    """

    def __init__(self, path: str, fps: float, is_live: bool = False) -> None:
        self._path, self._temporary, self._is_live = path, f"{path}.tmp.mp4", is_live
        self._fps = round(fps, 2)  # MPEG-4 counts in at most 65535 parts of a second
        self._writer: Any = None  # a cv2.VideoWriter from the first frame on
        self._last: np.ndarray | None = None
        self._num_frames, self.problem = 0, ""
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)

    def write(self, image: np.ndarray) -> None:
        """Adds uint8 [height, width, 3] RGB `image`."""
        if self._writer is None:
            self._open(image.shape[1::-1])
        if self.problem:
            return
        if image.shape[1::-1] != self._size:  # OpenCV would drop it silently
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        due = round((time.monotonic() - self._started) * self._fps) if self._is_live else 0
        for shown in [self._last] * (due - self._num_frames) + [image]:
            self._writer.write(shown)
            self._num_frames += 1
        self._last = image

    def _open(self, size):
        self._started, self._size = time.monotonic(), size
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(self._temporary, cv2.CAP_FFMPEG, codec, self._fps, size)
        if not self._writer.isOpened():
            self.problem = (
                f"a video of {size[0]}x{size[1]} pixels, {self._fps} frames a second, cannot be "
                "written here"
            )

    def __enter__(self) -> "DrawnVideo":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is None:
            return
        self._writer.release()
        if error_type or self.problem:
            return
        capture = cv2.VideoCapture(self._temporary, cv2.CAP_FFMPEG)
        written = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        if written != self._num_frames:  # OpenCV does not report it
            self.problem = f"{written} of {self._num_frames} frames were written; is the disk full?"
        else:
            os.replace(self._temporary, self._path)
