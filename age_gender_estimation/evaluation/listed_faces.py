"""The faces that manifests list: labels from the CSV, and the pictures' bytes as a hash. Free of TensorFlow."""
import hashlib
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tqdm import tqdm

from age_gender_estimation import storage
from age_gender_estimation.data.manifest import read_manifest
from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo

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
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool, \
            tqdm(total=sum(manifest.num_rows for manifest in manifests), unit="faces", desc="Read", mininterval=0.5) as bar:
        for source, manifest in zip(sources, manifests):
            filenames, columns = read_manifest(manifest.path, part=manifest.part)
            unused = [None] * len(filenames)
            columns = {name: column if name in manifest.tasks else unused for name, column in columns.items()}
            labels = [dict(zip(columns, values)) for values in zip(*columns.values())]
            paths = [os.path.join(manifest.image_dir, filename) for filename in filenames]
            for start in range(0, len(paths), CHUNK):
                chunk = slice(start, start + CHUNK)
                results = pool.map(_read_picture, paths[chunk])
                faces.extend(Face(source, *row, *result) for *row, result in zip(
                    filenames[chunk], paths[chunk], labels[chunk], results))
                bar.update(len(paths[chunk]))
    return faces


def load_picture(face):
    """Returns the picture of a readable Face, uint8 [height, width, 3] RGB."""
    return decode_photo(storage.read_bytes(face.path))


def source_names(paths):
    """Returns a name for each CSV: its file name, after as many of its folders as tell it from the others.

    Raises:
      SettingError: a CSV is given twice.
    """
    # From the root on, so that a list's name does not depend on the folder the script is started in.
    parts = [pathlib.Path(os.path.abspath(path)).parts[1:] for path in paths]
    for path, own in zip(paths, parts):
        if parts.count(own) > 1:
            raise SettingError(f"expected every CSV once, got {path} {parts.count(own)} times: all its rows would be "
                               "duplicates; see --csv")
    return ["/".join(_shortest_ending(own, [other for other in parts if other != own])) for own in parts]


def _shortest_ending(own, others):
    length = 1
    while own[-length:] in [other[-length:] for other in others]:
        length += 1
    return own[-length:]


def _read_picture(path):
    try:
        data = storage.read_bytes(path)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    try:
        decode_photo(data)
    except UnreadablePhoto as error:
        return "", str(error)
    return hashlib.sha256(data).hexdigest(), ""
