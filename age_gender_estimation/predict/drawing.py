"""Drawing answers into photos and videos: boxes and labels. In: a picture and its FaceRecords. Out: a copy with them."""

import itertools
import math
import os
import time

import cv2
import numpy as np

from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, encode_jpeg, read_photo
from age_gender_estimation.predict.output import show_answer
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import write_file

COLOUR, TEXT_COLOUR = (40, 200, 60), (0, 0, 0)  # RGB; dark text on light green reads on any photo
MAX_TICKS = 65535  # a second, in MPEG-4 part 2; OpenCV counts a rate of 66.67 as 6667 hundredths


def draw_photos(records, target):
    """Yields FaceRecords on; before the first one of a photo, writes the photo with all of them to `target(path)`.

    Photos that cannot be read, as their record says, are not written.
    """
    for path, group in itertools.groupby(records, key=lambda record: record.file):
        group = list(group)
        try:
            image = decode_photo(read_photo(path))
        except (OSError, UnreadablePhoto):
            image = None
        if image is not None:
            filesystem.makedirs(os.path.dirname(target(path)))
            write_file(target(path), encode_jpeg(draw_faces(image, group)))
        yield from group


class DrawnVideo:
    """An MP4 (MPEG-4 part 2, the codec for it that OpenCV's wheel can write) made of one frame after the other, silent.

    Used in a `with`. It gets its name when that is left without an exception; before, and after one, it lies beside as
    `PATH.tmp.mp4`. It has the size of the first frame, less a last column or row where that is odd.

    Attributes:
      problem: why there is no whole copy, or "": from the first frame on for a size that cannot be written (over 8190
        pixels), which leaves out all frames; after the `with` for missing frames.

    Args:
      path: where it will be; missing folders are made.
      fps: frames per second, from 1 to 1000; written to 3 digits behind the point, from 65.5 on to 2, from 655 to 1.
      is_live: frames come as time passes and are shown until the next one comes, so that the copy lasts as long as they
        took, however long the answers did.
    """

    def __init__(self, path, fps, is_live=False):
        self._path, self._temporary, self._is_live = path, f"{path}.tmp.mp4", is_live
        self._fps = round(fps, int(math.log10(MAX_TICKS / fps)))
        self._writer, self._num_frames, self._started, self._last, self.problem = (
            None,
            0,
            None,
            None,
            "",
        )
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)

    def write(self, image):
        """Adds uint8 [height, width, 3] RGB `image`."""
        if self._writer is None:
            self._started, self._size = time.monotonic(), image.shape[1::-1]
            self._writer = cv2.VideoWriter(
                self._temporary,
                cv2.CAP_FFMPEG,
                cv2.VideoWriter_fourcc(*"mp4v"),
                self._fps,
                self._size,
            )
            if not self._writer.isOpened():
                self.problem = (
                    f"a video of {'x'.join(map(str, self._size))} pixels, {self._fps} frames a second, cannot "
                    "be written here"
                )
        if self.problem:
            return
        if image.shape[1::-1] != self._size:  # OpenCV would leave it out and say nothing
            image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        due = round((time.monotonic() - self._started) * self._fps) if self._is_live else 0
        for shown in [self._last] * (due - self._num_frames) + [image]:
            self._writer.write(shown)
            self._num_frames += 1
        self._last = image

    def __enter__(self):
        return self

    def __exit__(self, error_type, *_):
        if self._writer is None:
            return
        self._writer.release()
        if error_type or self.problem:
            return
        written = int(
            cv2.VideoCapture(self._temporary, cv2.CAP_FFMPEG).get(cv2.CAP_PROP_FRAME_COUNT)
        )
        if written != self._num_frames:  # OpenCV does not tell
            self.problem = f"{written} of {self._num_frames} frames were written; is the disk full?"
        else:
            os.replace(self._temporary, self._path)


def draw_faces(image, records):
    """Returns a copy of uint8 RGB [height, width, 3] with a box and a label per face.

    Lines and letters grow with the photo, letters with the face too. A face that was taken whole gets its label only.

    Args:
      image: uint8 [height, width, 3] RGB.
      records: FaceRecords of this photo; those with an error are not drawn.
    """
    image = np.ascontiguousarray(image).copy()
    height, width = image.shape[:2]
    thickness = max(1, round(max(height, width) / 400))
    for record in records:
        if record.error:
            continue
        left, top, box_width, box_height = record.box or (0, 0, width, height)
        if record.box:
            cv2.rectangle(
                image, (left, top), (left + box_width - 1, top + box_height - 1), COLOUR, thickness
            )
        _write(image, show_answer(record), left, top, box_width)
    return image


def _write(image, text, left, top, box_width):
    """Writes a line above (left, top), or as near as the photo's border allows."""
    font, height, width = cv2.FONT_HERSHEY_SIMPLEX, *image.shape[:2]
    # As wide as the face, but of at least 8 pixels, and never wider than the photo.
    (unit, unit_height), _ = cv2.getTextSize(text, font, 1.0, 1)
    scale = min(max(box_width / max(unit, 1), 8 / unit_height), (width - 4) / max(unit, 1))
    thickness = max(1, round(scale * 1.5))
    (text_width, text_height), below = cv2.getTextSize(text, font, scale, thickness)
    left = int(np.clip(left, 0, max(0, width - text_width - 1)))
    bottom = int(np.clip(top - 2, text_height + below, height - 1))  # of the label's background
    cv2.rectangle(
        image, (left, bottom - text_height - below), (left + text_width, bottom), COLOUR, cv2.FILLED
    )
    cv2.putText(
        image,
        text,
        (left, bottom - below // 2 - 1),
        font,
        scale,
        TEXT_COLOUR,
        thickness,
        cv2.LINE_AA,
    )
