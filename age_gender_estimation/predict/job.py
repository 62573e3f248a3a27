"""What `age-gender predict` does: photos, videos and cameras in, a text, JSON or CSV file out."""

import contextlib
import itertools
import logging
import os
import tempfile
from collections.abc import Callable, Generator, Set
from dataclasses import dataclass
from typing import Any

from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.crop import check_detector
from age_gender_estimation.faces.detector import DEFAULT_SEARCH, FaceSearch, load_network
from age_gender_estimation.predict.batches import (
    Predict,
    batch_photos,
    load_predictor,
    open_workers,
)
from age_gender_estimation.predict.inputs import check_draw_dir, find_inputs
from age_gender_estimation.predict.known_labels import KnownLabels
from age_gender_estimation.predict.output import write_records
from age_gender_estimation.predict.output_file import open_output
from age_gender_estimation.predict.photos import Photo
from age_gender_estimation.predict.predictor import find_export
from age_gender_estimation.predict.records import FaceRecord
from age_gender_estimation.predict.video import predict_video
from age_gender_estimation.storage import filesystem

NO_DETECTOR = "none"  # takes every image as a face crop
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """The flags of `age-gender predict`; its --help says what they mean."""

    image_path: list[str]
    model_dir: str
    face_detector: str
    every: int
    csv: str | None
    format: str | None
    output: str | None
    batch_size: int
    workers: int
    scheduler: str | None
    min_confidence: float
    min_face: int | None
    max_faces: int | None
    min_detection: float | None
    draw: str | None
    runtime: str | None = None

    @property
    def style(self) -> str:
        """The format of the output: as set, or else by its ending."""
        ending = os.path.splitext(self.output or "")[1].lower()
        return self.format or {".csv": "csv", ".json": "json"}.get(ending, "text")

    @property
    def search(self) -> FaceSearch:
        """Which faces are searched in images that are no crops.

        Raises:
          SettingError: none are, and there are settings for them.
        """
        limits = {
            "--min-face": self.min_face,
            "--max-faces": self.max_faces,
            "--min-detection": self.min_detection,
        }
        given = [flag for flag, value in limits.items() if value is not None]
        if self.face_detector != NO_DETECTOR:
            return FaceSearch(
                self.face_detector, self.min_detection, self.min_face or 0, self.max_faces
            )
        if given:
            raise SettingError(
                f"--face-detector {NO_DETECTOR}: expected no {given[0]}, as no face is searched"
            )
        return DEFAULT_SEARCH


class Job:
    """Inputs that were found and a model that was loaded.

    Args:
      settings: the Settings.
      progress: makes a progress bar as tqdm does: (iterable or None, total, unit, initial) -> bar.

    Attributes:
      inputs: list of predict.inputs.Input.

    Raises:
      InputError: inputs, a manifest or a model that cannot be used.
      SettingError: settings that contradict each other or the inputs.
    """

    def __init__(self, settings: Settings, progress: Callable[..., Any]) -> None:
        self._settings, self._progress = settings, progress
        self._search = settings.search
        self.inputs = find_inputs(settings.image_path)
        _check_output(settings.output)
        if settings.draw:
            check_draw_dir(settings.draw, self.inputs)
        self._known = KnownLabels(settings.csv)
        self._predictor = load_predictor(find_export(settings.model_dir), settings.runtime)
        if settings.face_detector != NO_DETECTOR:
            check_detector(self._predictor.geometry, settings.face_detector)
            load_network(settings.face_detector)  # a file that is missing shows before work

    @property
    def is_live(self) -> bool:
        """Whether there is no end but the user's."""
        return any(entry.is_live for entry in self.inputs)

    def run(self, write: Callable[[str], Any], should_stop: Callable[[], bool]) -> tuple[int, int]:
        """Predicts all inputs and writes their records.

        Args:
          write: called with pieces of text if no output is set.
          should_stop: called after each frame of a video or camera; True ends it there.

        Returns:
          (number of faces, number of records with an error); those that an earlier run wrote count.
        """
        settings, self._should_stop = self._settings, should_stop
        with open_workers(
            self._predictor.path,
            [entry.path for entry in self.inputs if not entry.is_video],
            settings.workers,
            settings.scheduler,
            settings.batch_size,
            settings.min_confidence,
            settings.draw,
            settings.runtime,
            self._search,
        ) as predict_batches:
            if not settings.output:
                return self._write(predict_batches, write)
            if not filesystem.is_remote(settings.output):
                return self._write_file(predict_batches, settings.output)
            filesystem.exists(settings.output)  # a bucket that cannot be reached shows before work
            with tempfile.TemporaryDirectory() as folder:
                local = os.path.join(folder, "output")
                counts = self._write_file(predict_batches, local)
                filesystem.copy(local, settings.output)
            return counts

    def _write_file(self, predict_batches, path):
        settings, paths = self._settings, [entry.path for entry in self.inputs]
        decisive = (
            os.path.realpath(self._predictor.path),
            self._predictor.runtime,
            settings.face_detector,
            self._search,
            settings.csv,
            settings.min_confidence,
            settings.draw,
            settings.every,
        )
        resumed = paths if settings.style == "csv" else []
        with open_output(path, repr(decisive), resumed) as (file, done):
            if done.num_inputs:
                logger.info(
                    "continuing after %d of %d photos and videos", done.num_inputs, len(paths)
                )
            counts = self._write(predict_batches, file.write, done.num_inputs)
        return done.num_faces + counts[0], done.num_errors + counts[1]

    def _write(self, predict_batches, write, num_finished=0):
        finished = {entry.path for entry in self.inputs[:num_finished]}
        # Closed before an error is printed, so that the progress bar ends first.
        with contextlib.closing(self._records(predict_batches, finished)) as records:
            pairs = ((record, self._known.find(record.file)[0]) for record in records)
            with_names, with_header = len(self.inputs) > 1, not num_finished
            return write_records(pairs, self._settings.style, with_names, write, with_header)

    def _records(
        self, predict_batches: Predict, finished: Set[str]
    ) -> Generator[FaceRecord, None, None]:
        """Yields the FaceRecords of all inputs but the `finished` ones, and shows the progress."""
        with self._progress(None, len(self.inputs), "files", len(finished)) as bar:
            for is_video, group in itertools.groupby(self.inputs, lambda entry: entry.is_video):
                if not is_video:
                    for records in predict_batches(self._unfinished_batches(group, finished)):
                        new = [record for record in records if record.file not in finished]
                        yield from new
                        bar.update(len({record.file for record in new}))
                    continue
                for entry in group:
                    if entry.path not in finished:
                        yield from self._predict_video(entry)
                        bar.update()

    def _unfinished_batches(self, entries, finished):
        """Yields the batches of a run from the start that are not finished.

        What is in a batch decides the last digits of its predictions, so a batch stays whole.
        """
        photos = (
            Photo(entry.path, self._is_crop(entry), self._drawn_path(entry)) for entry in entries
        )
        for batch in batch_photos(photos, self._settings.batch_size):
            if batch[-1].path not in finished:
                yield batch

    def _predict_video(self, entry):
        return predict_video(
            self._predictor,
            entry.path if entry.camera is None else entry.camera,
            self._is_crop(entry),
            self._settings.every,
            self._settings.min_confidence,
            self._drawn_path(entry),
            entry.is_live,
            lambda video: self._progress(video, video.num_frames, "frames", 0),
            self._should_stop,
            self._search,
        )

    def _is_crop(self, entry):
        return self._settings.face_detector == NO_DETECTOR or self._known.find(entry.path)[1]

    def _drawn_path(self, entry):
        return self._settings.draw and os.path.join(self._settings.draw, entry.drawn)


def _check_output(path):
    is_local = path and not filesystem.is_remote(path)
    if is_local and (os.path.isdir(path) or not os.path.basename(path)):
        raise SettingError(f"--output {path}: expected a file, got a folder")
