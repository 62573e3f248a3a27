"""Photos in batches, predicted in this process or by worker processes, in their order.

A batch is predicted by itself, so the result does not depend on which process does it.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable, Iterator

from age_gender_estimation.faces.detector import DEFAULT_SEARCH, FaceSearch
from age_gender_estimation.predict.drawing import draw_photo
from age_gender_estimation.predict.photos import Photo, predict_photos
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.predict.records import FaceRecord
from age_gender_estimation.storage import filesystem
from age_gender_estimation.workers.local import count_cores
from age_gender_estimation.workers.pool import absolute, map_in_order, open_pool

# Searching 8 photos for faces takes some seconds, while 32 crops take less than one.
SEARCHED_PHOTOS = 8

Predict = Callable[[Iterable[list[Photo]]], Iterator[list[FaceRecord]]]


def batch_photos(photos: Iterable[Photo], batch_size: int = 32) -> Iterator[list[Photo]]:
    """Yields lists of at most `batch_size` Photos, of which SEARCHED_PHOTOS are no crops."""
    batch: list[Photo] = []
    num_searched = 0
    for photo in photos:
        batch.append(photo)
        num_searched += not photo.is_crop
        if len(batch) >= batch_size or num_searched >= SEARCHED_PHOTOS:
            yield batch
            batch, num_searched = [], 0
    if batch:
        yield batch


@functools.lru_cache(maxsize=1)
def load_predictor(export: str, runtime: str | None = None) -> Predictor:
    """Returns the Predictor of an export, loaded once per process."""
    return Predictor(export, runtime)


def predict_batch(
    export: str,
    runtime: str | None,
    batch_size: int,
    min_confidence: float,
    search: FaceSearch,
    folder: str,
    photos: list[Photo],
) -> list[FaceRecord]:
    """Returns the FaceRecords of Photos and writes their drawn copies; runs in a worker too.

    Args:
      export, runtime: as in `Predictor`.
      batch_size, min_confidence, search: as in `predict_photos`.
      folder: what the photos' paths are relative to.
      photos: the Photos.

    Raises:
      InputError: `export` is no export of this project.
      OSError: a drawn copy cannot be written.
    """
    predictor = load_predictor(export, runtime)
    records = list(predict_photos(predictor, photos, batch_size, min_confidence, folder, search))
    for photo in photos:
        if photo.drawn:
            drawn = absolute(photo.drawn, folder)
            found = [record for record in records if record.file == photo.path]
            draw_photo(absolute(photo.path, folder), found, drawn)
    for record in records:
        record.crop = None  # would only take memory, and time on its way from a worker
    return records


@contextlib.contextmanager
def open_workers(
    export: str,
    paths: list[str],
    workers: int = 1,
    scheduler: str | None = None,
    batch_size: int = 32,
    min_confidence: float = 0.0,
    draw_dir: str | None = None,
    runtime: str | None = None,
    search: FaceSearch = DEFAULT_SEARCH,
) -> Iterator[Predict]:
    """Gives a function from an iterable of batches to an iterator of their lists of FaceRecords.

    Args:
      export: the folder of an export, or an .onnx file.
      paths: all photos; if there are none, no worker is started.
      workers: number of processes; 1 stays in this one.
      scheduler: address of a Dask scheduler, whose workers predict instead.
      batch_size: faces that the model sees at once.
      min_confidence: a class of a lower probability becomes UNKNOWN.
      draw_dir: folder of the drawn copies, or None. It is made here, so that a worker that does not
        share it is noticed.
      runtime: as in `Predictor`.
      search: which faces are searched.

    Raises:
      InputError, SettingError: see `workers.pool.open_pool`.
    """
    settings = runtime, batch_size, min_confidence, search, os.getcwd()
    if not paths or (workers == 1 and not scheduler):
        yield functools.partial(map, functools.partial(predict_batch, export, *settings))
        return
    # As many as TensorFlow takes here, so that results are equal to the last digit.
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS") or count_cores()
    with open_pool(None if workers == 1 else workers, scheduler, int(threads)) as pool:
        shared = paths[:1]  # may be missing here too; its record will say so
        if draw_dir and not filesystem.is_remote(draw_dir):
            filesystem.makedirs(draw_dir)
            shared = [*shared, draw_dir]
        pool.require_shared([absolute(export), *filter(filesystem.exists, map(absolute, shared))])
        predict = functools.partial(predict_batch, absolute(export), *settings)
        yield functools.partial(map_in_order, pool, predict)
