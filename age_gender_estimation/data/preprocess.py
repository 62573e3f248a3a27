"""A dataset's examples -> OUT/crop/..., OUT/train.csv, OUT/val.csv (OUT/test.csv) and OUT/preprocess.json.

Crops are made by worker processes, a chunk of pictures at a time; the lists are written last, so that
a run that is killed leaves the earlier lists as they were and the next run goes on from the finished crops.
"""

import contextlib
import glob
import itertools
import os
import shutil
import uuid
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from tqdm import tqdm

from age_gender_estimation.data.crops import (
    WHOLE,
    CropSettings,
    crop_name,
    make_crop,
    safe_relative_path,
)
from age_gender_estimation.data.split_writer import (
    CONTENT,
    prescribe_splits_by_person,
    refuse_foreign_lists,
    write_lists,
)
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.workers.pool import absolute, map_in_order, open_pool

CHUNK = 64  # pictures handed to a worker at once: under 0.1 s of work, so the progress bar moves
SEARCH_CHUNK = 4  # where faces are searched, for the same reason
MAX_NAME_BYTES = 255  # of Linux' file systems


@dataclass(frozen=True)
class PreprocessSettings:
    """What decides the output; written to preprocess.json. `geometry` names an entry of faces.crop.GEOMETRIES, `face`
    says which face of a picture is cut (data.crops.CropSettings)."""

    geometry: str
    filters: Filters
    img_size: int = 224
    split_ratio: float = 0.8
    test_ratio: float = 0.0
    seed: int = 0
    face: str = WHOLE


def preprocess(read, photo_dir, output_dir, settings, workers=None, scheduler=None):
    """Makes the crops and lists of a dataset.

    Args:
      read: () -> list of Example; called while the workers start, a matter of seconds for an imdb.mat.
      photo_dir: folder that their paths are relative to.
      output_dir: OUT; nothing is written outside it.
      settings: PreprocessSettings.
      workers: number of processes; all cores by default.
      scheduler: address of a Dask scheduler, whose workers make the crops instead.

    Returns:
      The contents of preprocess.json, a dict: kept, dropped by reason, rows per split, settings.

    Raises:
      InputError: no photo folder, lists of somebody else's in OUT, no example left, a person prescribed to two splits, or a
        side of the split without anybody; see open_pool.
      SettingError: a folder in a bucket.
    """
    for path in filter(filesystem.is_remote, map(str, (photo_dir, output_dir))):
        raise SettingError(
            f"{path}: expected folders of this machine, got a bucket; copy pictures here, crops back"
        )
    with (
        _temporary_folder(output_dir) as temporary_dir,
        open_pool(workers, scheduler) as pool,
    ):
        examples = read()
        _check_folders(photo_dir, output_dir)
        refuse_foreign_lists(output_dir)
        _drop_unusable_paths(examples)
        wanted = [example for example in examples if not example.drop]
        # Before the hours that crops may take; whoever is known by the picture's content only has to wait for it.
        prescribe_splits_by_person([example for example in wanted if example.identity])
        _make_all_crops(pool, wanted, photo_dir, output_dir, temporary_dir, settings)
    kept = [example for example in wanted if not example.drop]
    dropped = Counter(example.drop for example in examples if example.drop)
    if not kept:
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(dropped.items()))
        raise InputError(
            f"all {len(examples)} pictures were dropped ({reasons}); earlier lists in {output_dir} stay"
        )
    prescribe_splits_by_person(kept)
    return write_lists(kept, dropped, output_dir, settings)


def _check_folders(photo_dir, output_dir):
    if not os.path.isdir(photo_dir):
        raise InputError(f"{photo_dir}: expected the folder of the pictures, found no folder")
    crop_dir = os.path.realpath(os.path.join(output_dir, "crop"))
    if os.path.join(os.path.realpath(photo_dir), "").startswith(os.path.join(crop_dir, "")):
        raise InputError(
            f"{photo_dir}: the crops would replace the pictures; choose another --output-dir"
        )


def _drop_unusable_paths(examples):
    """Two rows of one picture would write one crop and could stand on both sides of the split: the first one counts.
    A name that is no UTF-8 cannot stand in a manifest, one that is too long with the crop's ending is no file's, and
    where x.png and x.png.jpg/y.jpg are pictures, no crop can be called x.png.jpg."""
    named = [
        (example, crop_name(path))
        for example in examples
        if not example.drop and (path := safe_relative_path(example.path)) is not None
    ]
    folders = {
        folder for _, name in named for folder in accumulate(name.split("/")[:-1], "{}/{}".format)
    }
    seen = set()
    for example, name in named:
        if not _can_be_written(name) or name in folders:
            example.drop = "file_name"
        elif name in seen:
            example.drop = "repeated_path"
        seen.add(name)


def _can_be_written(name):
    try:
        return max(map(len, name.encode().split(b"/"))) <= MAX_NAME_BYTES
    except UnicodeEncodeError:
        return False


@contextlib.contextmanager
def _temporary_folder(output_dir):
    """Gives the path of a folder for unfinished crops, which does not exist yet, and removes it in the end.

    First it removes those of killed runs: a cluster's worker that still works for one then fails instead of writing here.
    """
    for left in glob.glob(os.path.join(glob.escape(str(output_dir)), ".crops.*.tmp")):
        shutil.rmtree(left, ignore_errors=True)
    path = absolute(os.path.join(output_dir, f".crops.{uuid.uuid4().hex}.tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _make_all_crops(pool, examples, photo_dir, output_dir, temporary_dir, settings):
    """Makes the crops; sets `drop` of examples that have none, and `identity` where only the content tells."""
    os.makedirs(temporary_dir)
    crop_settings = CropSettings(
        absolute(str(photo_dir)),
        absolute(os.path.join(output_dir, "crop")),
        temporary_dir,
        settings.img_size,
        settings.geometry,
        settings.face,
    )
    size = CHUNK if settings.face == WHOLE else SEARCH_CHUNK
    chunks = [examples[start : start + size] for start in range(0, len(examples), size)]
    paths = ([example.path for example in chunk] for chunk in chunks)
    pool.require_shared([temporary_dir, *_first_picture(crop_settings.photo_dir, examples)])
    with tqdm(total=len(examples), unit="pictures", desc="Crops", mininterval=0.5) as progress:
        for chunk, results in zip(
            chunks, map_in_order(pool, partial(_make_crops, crop_settings), paths)
        ):
            for example, (content, reason) in zip(chunk, results):
                example.drop = reason
                example.identity = example.identity or CONTENT + content
            progress.update(len(chunk))


def _first_picture(photo_dir, examples):
    """Returns [a picture that is there]: a worker that does not see it has no, or an empty, folder in its place."""
    paths = (
        os.path.join(photo_dir, safe_relative_path(example.path) or "") for example in examples
    )
    return list(itertools.islice(filter(os.path.isfile, paths), 1))


def _make_crops(crop_settings, paths):
    return [make_crop(crop_settings, path) for path in paths]
