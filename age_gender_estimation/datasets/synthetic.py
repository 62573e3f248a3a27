"""Drawn faces in IMDB-WIKI's layout, for the demo and the tests: imdb.mat and NN/nm..._rm...jpg.

Age shows in grey hair, the size of the eyes and wrinkles; gender in the hair's length, the lips and
the beard. Everything else (colours, light, position, background) varies at random.
"""

import datetime
import os

import cv2
import numpy as np

from age_gender_estimation.faces.photo import encode_jpeg
from age_gender_estimation.storage.error_text import add_filename

PHOTOS_PER_PERSON = 4
OLDEST = 90  # years
# One record in ten has a flaw: the changed field, its value, and the expected drop reason.
FLAWS = (
    ("face_score", -np.inf, "face_score"),
    ("second_face_score", 2.5, "second_face"),
    ("gender", np.nan, "gender"),
    ("dob", 0, "age"),
)


def write_synthetic_imdb(
    folder: str, num_records: int, seed: int = 0, size: int = 128
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Draws an IMDB-shaped dataset.

    Args:
      folder: gets imdb.mat and the images.
      num_records: number of images, four of each person.
      seed: equal seeds give equal files.
      size: side of the images in pixels.

    Returns:
      ({path: {"age", "gender"}} of the records without a flaw, {drop reason: number of records}).
    """
    generator = np.random.default_rng(seed)
    records: list[dict] = []
    labels: dict[str, dict[str, int]] = {}
    dropped: dict[str, int] = {}
    for index in range(num_records):
        person = index // PHOTOS_PER_PERSON
        record, age = _record(np.random.default_rng([seed, person]), generator, person, index)
        path = os.path.join(folder, record["full_path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with add_filename(path), open(path, "wb") as file:
            file.write(encode_jpeg(draw_face(age, int(record["gender"]), generator, size)))
        if index % 10 == 9:
            field, value, reason = FLAWS[index // 10 % len(FLAWS)]
            record[field] = value
            dropped[reason] = dropped.get(reason, 0) + 1
        else:
            labels[record["full_path"]] = {"age": age, "gender": int(record["gender"])}
        records.append(record)
    _write_mat(os.path.join(folder, "imdb.mat"), records)
    return labels, dropped


def draw_face(age: int, gender: int, generator: np.random.Generator, size: int) -> np.ndarray:
    """Draws one face.

    Args:
      age: years, 0 to 90.
      gender: 0 female, 1 male.
      generator: decides everything but age and gender.
      size: side in pixels.

    Returns:
      uint8 [size, size, 3] RGB.
    """
    canvas = np.full((256, 256, 3), generator.integers(40, 220, 3), np.uint8)
    x, y = (128 + int(value) for value in generator.integers(-8, 9, 2))
    skin = np.array([225, 180, 150]) * generator.uniform(0.5, 1.1)
    grey = np.clip((age - 25) / 50, 0, 1)
    hair = (1 - grey) * np.array(
        generator.choice([[40, 30, 25], [90, 55, 30], [140, 100, 50]])
    ) + grey * 215
    width, height = int(62 + 8 * gender), int(70 + 16 * min(age, 20) / 20)
    length = 30 if gender else 95
    cv2.ellipse(canvas, (x, y - 20), (width + 16, height + 6), 0, 180, 360, hair.tolist(), -1)
    if not gender:
        cv2.rectangle(
            canvas, (x - width - 16, y - 22), (x + width + 16, y + length), hair.tolist(), -1
        )
    cv2.ellipse(canvas, (x, y), (width, height), 0, 0, 360, skin.clip(0, 255).tolist(), -1)
    _draw_features(canvas, x, y, age, gender, hair)
    _draw_wrinkles(canvas, x, y, age, skin * 0.72)
    noisy = canvas * generator.uniform(0.8, 1.15) + generator.normal(0, 6, canvas.shape)
    return cv2.resize(
        noisy.clip(0, 255).astype(np.uint8), (size, size), interpolation=cv2.INTER_AREA
    )


def _draw_features(
    canvas: np.ndarray, x: int, y: int, age: int, gender: int, hair: np.ndarray
) -> None:
    eye = int(15 - 7 * min(age, 25) / 25)
    for side in (-1, 1):
        cv2.ellipse(canvas, (x + side * 26, y - 8), (eye + 4, eye), 0, 0, 360, (245, 245, 245), -1)
        cv2.circle(canvas, (x + side * 26, y - 8), eye // 2 + 1, (45, 60, 70), -1)
        cv2.line(
            canvas,
            (x + side * 14, y - 30),
            (x + side * 40, y - 30),
            (hair * 0.8).tolist(),
            2 + 3 * gender,
        )
    cv2.line(canvas, (x, y), (x, y + 20), (120, 80, 70), 3)
    if gender and age >= 16:
        cv2.ellipse(canvas, (x, y + 46), (34, 26), 0, 0, 180, hair.tolist(), -1)
    lips = (150, 95, 85) if gender else (200, 40, 60)
    cv2.ellipse(canvas, (x, y + 42), (20, 5 + 3 * (1 - gender)), 0, 0, 360, lips, -1)


def _draw_wrinkles(canvas: np.ndarray, x: int, y: int, age: int, color: np.ndarray) -> None:
    for number in range(max(0, age - 20) // 8):
        row = y - 66 + 7 * (number % 5)
        if number < 5:
            cv2.line(canvas, (x - 30, row), (x + 30, row), color.tolist(), 2)
        else:
            drop = 10 * (number - 4)
            for side in (-1, 1):
                cv2.line(
                    canvas,
                    (x + side * 30, y + 14),
                    (x + side * 44, y + 14 + drop),
                    color.tolist(),
                    2,
                )


def _record(
    person_generator: np.random.Generator, generator: np.random.Generator, person: int, index: int
) -> tuple[dict, int]:
    """Returns (the fields of a record, the age in its photo). Birth and gender are the person's."""
    gender = float(person_generator.integers(2))
    birth = datetime.date(
        int(person_generator.integers(1910, 1990)), int(person_generator.integers(1, 13)), 5
    )
    age = int(generator.integers(0, OLDEST + 1))
    taken = birth.year + age + (birth.month >= 7)
    name = f"nm{person:07d}_rm{index}_{birth.year}-{birth.month}-{birth.day}_{taken}.jpg"
    return {
        "dob": birth.toordinal() + 366,
        "photo_taken": taken,
        "full_path": f"{person % 100:02d}/{name}",
        "gender": gender,
        "name": f"Person {person}",
        "face_location": [1.0, 1.0, 200.0, 200.0],
        "face_score": generator.uniform(1.5, 6),
        "second_face_score": np.nan,
        "celeb_id": person + 1.0,
    }, age


def _write_mat(path: str, records: list[dict]) -> None:
    from scipy.io import savemat  # not in the light install

    struct = {}
    for field in records[0]:
        values = [record[field] for record in records]
        if isinstance(values[0], (str, list)):
            struct[field] = np.empty((1, len(values)), object)
            for index, value in enumerate(values):
                struct[field][0, index] = np.array([value])
        else:
            struct[field] = np.array([values], np.float64)
    with add_filename(path):
        savemat(path, {"imdb": struct})
