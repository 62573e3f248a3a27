"""Preprocessing: examples of a dataset in, face crops and manifests out.

OUT/crop/..., OUT/train.csv, OUT/val.csv (OUT/test.csv) and OUT/preprocess.json. Worker processes
make the crops. The manifests are written last: after a killed run the earlier ones are unchanged,
and the next run reuses the finished crops.
"""

import contextlib
import glob
import itertools
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tqdm import tqdm

from age_gender_estimation.data.crops import (
    WHOLE,
    CropSettings,
    crop_name,
    make_crops,
    safe_relative_path,
)
from age_gender_estimation.data.folds import hold_out_fold
from age_gender_estimation.data.preprocess_settings import PreprocessSettings
from age_gender_estimation.data.split_writer import (
    CONTENT,
    Dropped,
    prescribe_splits_by_person,
    refuse_foreign_lists,
    write_lists,
)
from age_gender_estimation.datasets.example import Example
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.workers.pool import absolute, map_in_order, open_pool
from age_gender_estimation.workers.protocol import Pool

CHUNK = 64  # images per task: less than 0.1 s of work, so that the progress bar moves
SEARCH_CHUNK = 4  # the same, where faces are searched


def preprocess(
    read: Callable[[], Iterable[Example]],
    photo_dir: str | os.PathLike,
    output_dir: str,
    settings: PreprocessSettings,
    workers: int | None = None,
    scheduler: str | None = None,
) -> dict:
    """Makes the crops and manifests of a dataset.

    Args:
      read: returns the examples; called while the workers start.
      photo_dir: the folder that their paths are relative to.
      output_dir: OUT; nothing is written outside it.
      settings: what decides the output.
      workers: the number of processes; one per core if None.
      scheduler: the address of a Dask scheduler, whose workers make the crops instead.

    Returns:
      The contents of preprocess.json, see `write_lists`.

    Raises:
      InputError: there is no photo folder, OUT has manifests of another origin, no example is left,
        a person is in two splits, there is no such fold, or a split would be empty; see also
        `open_pool`.
      SettingError: a folder is in a bucket.
    """
    photo_dir = str(photo_dir)
    for path in filter(filesystem.is_remote, (photo_dir, output_dir)):
        raise SettingError(
            f"{path}: expected folders of this machine, got a bucket; copy the images here, and "
            "the crops back"
        )
    with _temporary_folder(output_dir) as temporary_dir, open_pool(workers, scheduler) as pool:
        examples = list(read())
        _check_folders(photo_dir, output_dir)
        refuse_foreign_lists(output_dir)
        if settings.fold is not None:
            hold_out_fold(examples, settings.fold)
        _drop_unusable_paths(examples)
        wanted = [example for example in examples if not example.drop]
        # Before the crops, which can take hours. A person known by content only is checked later.
        prescribe_splits_by_person([example for example in wanted if example.identity])
        crop_settings = CropSettings(
            absolute(photo_dir),
            absolute(os.path.join(output_dir, "crop")),
            temporary_dir,
            settings.img_size,
            settings.geometry,
            settings.face,
        )
        _make_all_crops(pool, wanted, crop_settings)
    kept = [example for example in wanted if not example.drop]
    dropped = Dropped.of(examples)
    try:
        if not kept:
            raise InputError(f"all {len(examples)} images were dropped")
        prescribe_splits_by_person(kept)
        return write_lists(kept, dropped, output_dir, settings)
    except InputError as error:
        found = "; ".join([*dropped.lines(photo_dir), f"earlier lists in {output_dir} stay"])
        raise InputError(f"{error}; {found}") from None


def _check_folders(photo_dir: str, output_dir: str) -> None:
    if not os.path.isdir(photo_dir):
        raise InputError(f"{photo_dir}: expected the folder of the images, found no folder")
    crop_dir = os.path.realpath(os.path.join(output_dir, "crop"))
    if os.path.join(os.path.realpath(photo_dir), "").startswith(os.path.join(crop_dir, "")):
        raise InputError(
            f"{photo_dir}: the crops would replace the images; choose another --output-dir"
        )


def _drop_unusable_paths(examples: Iterable[Example]) -> None:
    """Drops names that cannot stand in a manifest, and all but the first example of an image.

    Two rows of one image would share a crop, and could be in two splits.
    """
    seen = set()
    for example in examples:
        path = safe_relative_path(example.path)
        if example.drop or path is None:
            continue
        name = crop_name(path)
        if name.encode(errors="ignore").decode() != name:  # not UTF-8
            example.drop = "file_name"
        elif name in seen:
            example.drop = "repeated_path"
        seen.add(name)


@contextlib.contextmanager
def _temporary_folder(output_dir: str) -> Iterator[str]:
    """Gives a path for the folder of unfinished crops, and removes the folder in the end.

    The folders of killed runs are removed first: a cluster's worker that still works for such a run
    then fails, instead of writing a crop.
    """
    for left in glob.glob(os.path.join(glob.escape(output_dir), ".crops.*.tmp")):
        shutil.rmtree(left, ignore_errors=True)
    path = absolute(os.path.join(output_dir, f".crops.{uuid.uuid4().hex}.tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _make_all_crops(pool: Pool, examples: list[Example], crop_settings: CropSettings) -> None:
    """Makes the crops, and sets `drop`, or the `identity` of an unknown person, of each example."""
    os.makedirs(crop_settings.temporary_dir)
    size = CHUNK if crop_settings.face == WHOLE else SEARCH_CHUNK
    chunks = [examples[start : start + size] for start in range(0, len(examples), size)]
    paths = ([example.path for example in chunk] for chunk in chunks)
    pool.require_shared(
        [crop_settings.temporary_dir, *_first_image(crop_settings.photo_dir, examples)]
    )
    results = map_in_order(pool, partial(make_crops, crop_settings), paths)
    with tqdm(total=len(examples), unit="images", desc="Crops", mininterval=0.5) as progress:
        for chunk, crops in zip(chunks, results):
            for example, (content, reason) in zip(chunk, crops):
                example.drop = reason
                example.identity = example.identity or CONTENT + content
            progress.update(len(chunk))


def _first_image(photo_dir: str, examples: Iterable[Example]) -> list[str]:
    """Returns [an image that exists]: a worker that does not see it has no or an empty folder."""
    paths = (
        os.path.join(photo_dir, safe_relative_path(example.path) or "") for example in examples
    )
    return list(itertools.islice(filter(os.path.isfile, paths), 1))
