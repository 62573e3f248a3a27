"""Data for the measurements: drawn images, each under many names, and an imdb.mat of any size."""

import os

import numpy as np
from scipy.io import savemat

from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.faces.photo import encode_jpeg

NUM_DRAWN = 200  # more would take longer to draw, and no longer to read
PHOTOS_PER_PERSON = 5


def image_name(index):
    """Returns the name of an image in IMDB-WIKI's form: NN/nm..._rm..._BIRTHDAY_YEAR.jpg."""
    person = index // PHOTOS_PER_PERSON
    return f"{person % 100:02d}/nm{person:07d}_rm{index}_1970-3-5_2000.jpg"


def write_images(folder, num_images, size):
    """Draws JPEGs and gives each several names (hard links).

    The files are as large as IMDB-WIKI's crops of that size.

    Args:
      folder: the folder for the images, which have the names of `image_name`.
      num_images: number of names.
      size: side in pixels.

    Returns:
      The names, relative to the folder.
    """
    generator = np.random.default_rng(0)
    names = [image_name(index) for index in range(num_images)]
    for number in range(100):
        os.makedirs(os.path.join(folder, f"{number:02d}"), exist_ok=True)
    for index, name in enumerate(names):
        path = os.path.join(folder, name)
        if index >= NUM_DRAWN:
            os.link(os.path.join(folder, names[index % NUM_DRAWN]), path)
            continue
        face = draw_face(int(generator.integers(90)), index % 2, generator, size).astype(np.int16)
        grain = generator.normal(0, 6, face.shape)  # as in photos
        face = (face + grain).clip(0, 255).astype(np.uint8)
        with open(path, "wb") as file:
            file.write(encode_jpeg(face, 90))
    return names


def write_mat(path, names):
    """Writes an imdb.mat for images, with the ten fields of the published file.

    One record in ten has a low face score, one in ten a second face. See datasets/imdb_wiki.py.
    """
    count = len(names)
    people = np.arange(count) // PHOTOS_PER_PERSON
    numbers = np.arange(count)
    columns = {
        "dob": np.full(count, 719_600 + 366, np.int32),
        "photo_taken": np.full(count, 2000, np.uint16),
        "full_path": _cells([np.array([name]) for name in names]),
        "gender": (people % 2).astype(np.float64),
        "name": _cells([np.array([f"Person {person}"]) for person in people]),
        "face_location": _cells([np.array([[1.0, 1.0, 200.0, 200.0]])] * count),
        "face_score": np.where(numbers % 10 == 3, 0.5, 3.0),
        "second_face_score": np.where(numbers % 10 == 7, 2.0, np.nan),
        "celeb_names": _cells([np.array([f"Person {person}"]) for person in range(people[-1] + 1)]),
        "celeb_id": people + 1.0,
    }
    struct = np.empty((1, 1), dtype=[(name, "O") for name in columns])
    struct[0, 0] = tuple(values.reshape(1, -1) for values in columns.values())
    savemat(path, {"imdb": struct})


def _cells(values):
    cells = np.empty(len(values), object)
    for index, value in enumerate(values):
        cells[index] = value
    return cells
