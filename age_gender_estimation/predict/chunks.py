"""Many photos, answered in chunks, here or by worker processes. In: Photos. Out: their FaceRecords, in order.

A chunk is answered by itself, so its answers do not depend on who answers the others. MTCNN's landmarks differ in their last
digits with the number of TensorFlow's threads (of 54 faces, 16 got ages up to 0.002 years apart): see open_photo_workers.
"""

import contextlib
import functools
import os
from dataclasses import dataclass

from age_gender_estimation.predict.drawing import draw_photos
from age_gender_estimation.predict.photos import predict_photos
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.storage import filesystem
from age_gender_estimation.workers.local import count_cores
from age_gender_estimation.workers.pool import absolute, map_in_order, open_pool

SEARCHED_PHOTOS = (
    8  # in a chunk: some seconds of work, while 32 crops that are taken whole cost less than one
)


@dataclass(frozen=True)
class Photo:
    """A photo to be answered.

    Attributes:
      path: as its records name it.
      is_whole: whether it is a face crop already and no face is searched in it.
      drawn: where to write a copy with boxes and labels, or None.
    """

    path: str
    is_whole: bool = False
    drawn: str | None = None


def batch_photos(photos, batch_size=32):
    """Yields lists of successive Photos, at most `batch_size`, and SEARCHED_PHOTOS in which faces are searched."""
    chunk, num_searched = [], 0
    for photo in photos:
        chunk.append(photo)
        num_searched += not photo.is_whole
        if len(chunk) >= batch_size or num_searched >= SEARCHED_PHOTOS:
            yield chunk
            chunk, num_searched = [], 0
    if chunk:
        yield chunk


def load_predictor(export):
    """Returns the Predictor of an export, loaded once in a process as long as the export stays what it is."""
    graph = os.path.join(export, "saved_model.pb")
    return _load_predictor(export, os.stat(graph).st_mtime_ns if os.path.exists(graph) else None)


@functools.lru_cache(maxsize=1)
def _load_predictor(export, _changed):
    return Predictor(export)


def answer_chunk(export, batch_size, min_confidence, folder, photos):
    """Answers, and draws, a chunk of Photos whose paths are relative to `folder`; returns their FaceRecords, a list.

    Raises:
      InputError: no export of this project.
      OSError: a drawn copy cannot be written.
    """
    by_path = {absolute(photo.path, folder): photo for photo in photos}
    records = predict_photos(
        load_predictor(export),
        by_path,
        lambda path: by_path[path].is_whole,
        batch_size,
        min_confidence,
    )
    if any(photo.drawn for photo in photos):
        records = draw_photos(records, lambda path: absolute(by_path[path].drawn, folder))
    records = list(records)
    for record in records:
        record.file = by_path[record.file].path
    return records


@contextlib.contextmanager
def open_photo_workers(
    export, paths, workers=1, scheduler=None, batch_size=32, min_confidence=0.0, draw_dir=None
):
    """Gives a function that answers lists of Photos: iterable of lists -> iterator of lists of FaceRecords.

    Args:
      export: folder of the SavedModel.
      paths: the photos; without any, no worker is asked for.
      workers: number of processes; 1 does it in this one and saves the start of another.
      scheduler: address of a Dask scheduler, whose workers do it.
      batch_size: faces that the model is asked about at once.
      min_confidence: classes of a lower probability are UNKNOWN.
      draw_dir: folder of the drawn copies, if there are any; made here, so that a worker that does not share it shows.

    Raises:
      InputError, SettingError: see workers.pool.open_pool.
    """
    settings = batch_size, min_confidence, os.getcwd()
    if not paths or workers == 1 and not scheduler:
        yield functools.partial(map, functools.partial(answer_chunk, export, *settings))
        return
    # As many as TensorFlow would take here, so that the answers are those of this process to the last digit.
    threads = os.environ.get("TF_NUM_INTRAOP_THREADS") or count_cores()
    with open_pool(None if workers == 1 else workers, scheduler, int(threads)) as pool:
        shared = paths[:1]  # which may be missing here too: its record will say so
        if draw_dir and not filesystem.is_remote(draw_dir):
            filesystem.makedirs(draw_dir)
            shared = [*shared, draw_dir]
        pool.require_shared([absolute(export), *filter(filesystem.exists, map(absolute, shared))])
        yield functools.partial(
            map_in_order, pool, functools.partial(answer_chunk, absolute(export), *settings)
        )
