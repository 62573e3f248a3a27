"""The images that manifests list: their labels, and a hash of their bytes. Free of TensorFlow."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.data.source_names import source_names
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo

CHUNK = 256  # rows given to the threads at once: half a million futures would take much memory


@dataclass(frozen=True, slots=True)
class ListedImage:
    """A row of a manifest.

    Attributes:
      source: name of the manifest.
      filename: the image as the manifest names it.
      path: where the image lies.
      labels: {task: int or None}.
      content: hex SHA-256 of the image's bytes; "" where it cannot be read.
      problem: why it cannot be read, or "".
    """

    source: str
    filename: str
    path: str
    labels: dict[str, int | None]
    content: str
    problem: str


def read_images(manifests: Sequence[Manifest]) -> list[ListedImage]:
    """Decodes every image of some manifests once, because a file that exists may still hold no
    image.

    Returns:
      The images in the order of the manifests and their rows.

    Raises:
      SettingError: a CSV is given twice.
    """
    images = []
    sources = source_names([manifest.path for manifest in manifests])
    num_rows = sum(manifest.num_rows for manifest in manifests)
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=num_rows, unit="images", desc="Read", mininterval=0.5) as bar,
    ):
        for source, manifest in zip(sources, manifests):
            paths = manifest.paths()
            for start in range(0, len(paths), CHUNK):
                chunk = range(start, min(start + CHUNK, len(paths)))
                results = pool.map(_hash_image, (paths[index] for index in chunk))
                for index, (content, problem) in zip(chunk, results):
                    labels = manifest.labels_of(index)
                    name = manifest.filenames[index]
                    images.append(ListedImage(source, name, paths[index], labels, content, problem))
                bar.update(len(chunk))
    return images


def load_image(image: ListedImage) -> np.ndarray:
    """Returns the pixels of a readable ListedImage, uint8 [height, width, 3] RGB."""
    return decode_photo(read_photo(image.path))


def _hash_image(path):
    try:
        data = read_photo(path)
        decode_photo(data)
    except OSError as error:
        return "", f"cannot be read ({error.strerror})"
    except UnreadablePhoto as error:
        return "", str(error)
    return hashlib.sha256(data).hexdigest(), ""
