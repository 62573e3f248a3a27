"""IMDB-WIKI: the labels of imdb.mat or wiki.mat, and folders of cropped photos.

Rothe et al., IJCV 2018, https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/
"""

import os
import re

import numpy as np
import numpy.typing as npt

from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.errors import InputError

KEYS = ("imdb", "wiki")
FIELDS = ("dob", "photo_taken", "full_path", "gender", "face_score", "second_face_score")
MATLAB_TO_PYTHON_DAYS = 366  # MATLAB counts days from year 0, Python's ordinals from 0001-01-01
PERSON_IN_NAME = re.compile(r"(nm\d+)_")

Columns = dict[str, np.ndarray]


def read_imdb_wiki(db_path: str | os.PathLike, filters: Filters) -> list[Example]:
    """Reads the records of an imdb.mat or wiki.mat.

    Args:
      db_path: the .mat file (MATLAB 5, as published).
      filters: which records to keep; the others get a drop reason.

    Returns:
      An Example with age and gender per photo, in the file's order.

    Raises:
      InputError: the file is missing, damaged, not MATLAB 5, or lacks a field.
    """
    columns = _read_columns(db_path)
    paths = _texts(columns["full_path"])
    ages = ages_when_taken(columns["dob"], columns["photo_taken"].astype(np.float64)).tolist()
    genders = columns["gender"].astype(np.float64).tolist()
    reasons = _drop_reasons(columns, ages, genders, filters)
    return [
        Example(path, drop=reason)
        if reason
        else Example(path, {"age": int(age), "gender": int(gender)}, identity)
        for path, age, gender, identity, reason in zip(
            paths, ages, genders, _identities(columns, paths), reasons
        )
    ]


def ages_when_taken(dob: npt.ArrayLike, photo_taken: npt.ArrayLike) -> np.ndarray:
    """Returns ages in whole years, float64 [n]; NaN where the date of birth is not a date.

    A photo counts as taken in the middle of its year: a person born in July or later is a year
    younger than the difference of the years.

    Args:
      dob: dates of birth [n], MATLAB serial dates.
      photo_taken: years [n].
    """
    days = np.floor(np.asarray(dob, np.float64)) - MATLAB_TO_PYTHON_DAYS
    is_date = (days >= 1) & (days <= 3_652_059)  # 0001-01-01 to 9999-12-31
    since_1970 = np.where(is_date, days, 1).astype(np.int64) - 719_163
    months = since_1970.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    years, month_in_year = months // 12 + 1970, months % 12
    age = np.asarray(photo_taken) - years - (month_in_year >= 6)
    return np.where(is_date, age, np.nan)


def _read_columns(db_path: str | os.PathLike) -> Columns:
    """Returns {field: values [n]} of the struct in a .mat file."""
    key, struct = _load_struct(db_path)
    names = isinstance(struct, np.ndarray) and struct.dtype.names or ()
    missing = [name for name in FIELDS if name not in names]
    if missing or struct.size != 1:
        fields = ", ".join(missing) or "values"
        found = ", ".join(names)[:200]
        raise InputError(f"{db_path}: {key} has no field {fields}; found {found}")
    columns = {
        name: np.asarray(struct[name].flat[0]).ravel()
        for name in (*FIELDS, "name", "celeb_id")
        if name in names
    }
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"{db_path}: columns of unequal length: {lengths}")
    for name, values in columns.items():
        if name not in ("full_path", "name") and values.dtype.kind not in "fiub":
            raise InputError(f"{db_path}: field {name}: expected numbers, got {values.dtype}")
    return columns


def _load_struct(db_path: str | os.PathLike) -> tuple[str, np.ndarray]:
    """Returns the name and the value of the variable `imdb` or `wiki`."""
    import scipy.io  # only here: no other dataset needs it

    try:
        with open(db_path, "rb") as file:
            is_hdf5 = b"MATLAB 7.3" in file.read(128)
        contents = {} if is_hdf5 else scipy.io.loadmat(db_path, variable_names=KEYS)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{db_path}: cannot be read ({reason}); give --db-path the .mat file"
        ) from None
    except Exception as error:  # a damaged file raises struct.error, zlib.error, TypeError, ...
        raise InputError(
            f"{db_path}: expected a MATLAB 5 file, got something else ({str(error)[:200]})"
        ) from None
    if is_hdf5:
        raise InputError(
            f"{db_path}: expected a MATLAB 5 file, got HDF5 (v7.3); save it again with -v7"
        )
    for key in KEYS:
        if key in contents:
            return key, contents[key]
    found = ", ".join(name for name, *_ in scipy.io.whosmat(db_path))[:200] or "nothing"
    raise InputError(f"{db_path}: expected a struct named imdb or wiki, found {found}")


def _texts(cells: np.ndarray) -> list[str]:
    """Returns the text in each cell of a MATLAB cell array; "" for any other content."""
    return [
        str(cell.flat[0])
        if isinstance(cell, np.ndarray) and cell.size and isinstance(cell.flat[0], str)
        else ""
        for cell in cells
    ]


def _drop_reasons(
    columns: Columns, ages: npt.ArrayLike, genders: npt.ArrayLike, filters: Filters
) -> list[str]:
    """Returns the first filter that each record fails, or ""."""
    ages = np.asarray(ages)
    conditions = {
        # Also true for NaN.
        "face_score": ~(columns["face_score"].astype(np.float64) >= filters.min_score),
        # NaN if the detector saw only one face.
        "second_face": columns["second_face_score"].astype(np.float64) > 0,
        "gender": ~np.isin(genders, (0.0, 1.0)),
        "age": ~((ages >= filters.min_age) & (ages <= filters.max_age)),
    }
    return np.select(list(conditions.values()), list(conditions), default="").tolist()


def _identities(columns: Columns, paths: list[str]) -> list[str | None]:
    """Returns each record's person: celeb_id, or nm... in the file name, or name and birth date."""
    celebs = columns["celeb_id"] if "celeb_id" in columns else np.full(len(paths), np.nan)
    people = _texts(columns["name"]) if "name" in columns else [""] * len(paths)
    identities: list[str | None] = []
    for path, celeb, person, dob in zip(paths, celebs, people, columns["dob"]):
        match = PERSON_IN_NAME.search(path)
        if np.isfinite(celeb):
            identities.append(f"celeb {int(celeb)}")
        elif match:
            identities.append(match[1])
        else:
            identities.append(f"{person} {dob}" if person else None)
    return identities


def _dataset(name: str) -> Dataset:
    return Dataset(
        description=f"IMDB-WIKI's {name}.mat and its cropped photos",
        photo_dir=f"folder that the paths in {name}.mat are relative to: {name}_crop/",
        geometry="imdb_wiki",
        read=lambda arguments, filters: read_imdb_wiki(arguments.db_path, filters),
        arguments={
            "--db-path": {"required": True, "help": "imdb.mat or wiki.mat"},
            "--min-score": {
                "type": float,
                "default": Filters.min_score,
                "help": "lowest score of the face detector to keep",
            },
        },
        max_age=Filters.max_age,
    )


IMDB, WIKI = _dataset("imdb"), _dataset("wiki")
