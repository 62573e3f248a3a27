"""The faces that manifests list: labels from the CSV, and the pictures' bytes as a hash. Free of TensorFlow."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tqdm import tqdm

from age_gender_estimation.data.manifest import read_manifest, source_names
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo

CHUNK = 256  # rows handed to the threads at once: a CSV of half a million rows needs no half a million futures


@dataclass(frozen=True, slots=True)
class Face:
    """A row of a manifest.

    Attributes:
      source: name of the manifest.
      filename: the picture as the manifest names it.
      path: where the picture lies.
      labels: {task: int or None}.
      content: hex SHA-256 of the picture's bytes; "" where it cannot be read.
      problem: why it cannot be read, or "".
    """

    source: str
    filename: str
    path: str
    labels: dict
    content: str
    problem: str


def read_faces(manifests):
    """Reads manifests and decodes every picture once, because a file that is there may still hold no picture.

    Args:
      manifests: list of data.manifest.Manifest.

    Returns:
      A list of Face in the order of the manifests and their rows.

    Raises:
      SettingError: a CSV is given twice.
    """
    faces, sources = [], source_names([manifest.path for manifest in manifests])
    with (
        ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool,
        tqdm(
            total=sum(manifest.num_rows for manifest in manifests),
            unit="faces",
            desc="Read",
            mininterval=0.5,
        ) as bar,
    ):
        for source, manifest in zip(sources, manifests):
            filenames, columns = read_manifest(manifest.path, part=manifest.part)
            unused = [None] * len(filenames)
            columns = {
                name: column if name in manifest.tasks else unused
                for name, column in columns.items()
            }
            labels = [dict(zip(columns, values)) for values in zip(*columns.values())]
            paths = [os.path.join(manifest.image_dir, filename) for filename in filenames]
            for start in range(0, len(paths), CHUNK):
                chunk = slice(start, start + CHUNK)
                results = pool.map(_read_picture, paths[chunk])
                faces.extend(
                    Face(source, *row, *result)
                    for *row, result in zip(filenames[chunk], paths[chunk], labels[chunk], results)
                )
                bar.update(len(paths[chunk]))
    return faces


def load_picture(face):
    """Returns the picture of a readable Face, uint8 [height, width, 3] RGB."""
    return decode_photo(read_photo(face.path))


def _read_picture(path):
    try:
        data = read_photo(path)
        decode_photo(data)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    except UnreadablePhoto as error:
        return "", str(error)
    return hashlib.sha256(data).hexdigest(), ""
