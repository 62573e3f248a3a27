"""IMDB-WIKI's imdb.mat and wiki.mat (Rothe et al., IJCV 2018, https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/).

In: the .mat file. Out: an Example per photo, in the file's order, with the reason to drop it where there is one.
"""

import multiprocessing
import pathlib
import re
import resource

import numpy as np

from age_gender_estimation.datasets.example import Example
from age_gender_estimation.errors import InputError

KEYS = ("imdb", "wiki")
FIELDS = ("dob", "photo_taken", "full_path", "gender", "face_score", "second_face_score")
MATLAB_TO_PYTHON_DAYS = 366  # MATLAB counts days from year 0, Python's ordinals from 0001-01-01
MAX_MEMORY = 2**32  # bytes; the 460,723 records of imdb.mat take a quarter of it
PERSON_IN_NAME = re.compile(r"(nm\d+)_")


def read_imdb_wiki(db_path, filters):
    """Reads the records of an imdb.mat or wiki.mat.

    Args:
      db_path: the .mat file (MATLAB 5; the published files are).
      filters: Filters; a photo outside them gets its drop reason.

    Returns:
      A list of Example with `age` and `gender` labels.

    Raises:
      InputError: no such file, no MATLAB 5 file, a missing field or columns of unequal length.
    """
    import scipy.io  # noqa: F401 -- here, where ModuleNotFoundError reaches the command

    # In a process of its own: a file of a few KB can take all memory, or end SciPy's reader with a segmentation fault.
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=_send_records, args=(sender, str(db_path), filters), daemon=True
    )
    process.start()
    sender.close()
    try:
        result = receiver.recv()
    except EOFError:
        raise InputError(
            f"{db_path}: expected a MATLAB 5 file, got one that ends SciPy's reader; is it damaged?"
        ) from None
    finally:
        process.kill()
        process.join()
    if isinstance(result, InputError):
        raise result
    return [
        Example(path, {"age": int(age), "gender": int(gender)}, identity)
        if not reason
        else Example(path, drop=reason)
        for path, age, gender, identity, reason in zip(*result)
    ]


def _send_records(sender, db_path, filters):
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit, hardest = (
        pages * resource.getpagesize() + MAX_MEMORY,
        resource.getrlimit(resource.RLIMIT_AS)[1],
    )
    resource.setrlimit(
        resource.RLIMIT_AS,
        (limit if hardest == resource.RLIM_INFINITY else min(limit, hardest),) * 2,
    )
    try:
        sender.send(_read_records(db_path, filters))
    except InputError as error:
        sender.send(error)
    except MemoryError:
        sender.send(
            InputError(
                f"{db_path}: expected records that fit into {MAX_MEMORY // 2**30} GB, got more"
            )
        )


def _read_records(db_path, filters):
    """Returns columns, not Examples: those would take 5 of 12 seconds to go from one process to the other (imdb.mat)."""
    columns = _read_columns(db_path)
    paths = _texts(columns["full_path"])
    taken = columns["photo_taken"].astype(np.float64)
    ages = ages_when_taken(columns["dob"], taken)
    genders = columns["gender"].astype(np.float64)
    reasons = _drop_reasons(columns, ages, genders, filters)
    return paths, ages.tolist(), genders.tolist(), _identities(columns, paths), reasons


def ages_when_taken(dob, photo_taken):
    """Returns whole years, float64 [n]; NaN where the date of birth is no date.

    The photo counts as taken in the middle of its year, so whoever is born in July or later has not had a birthday yet.

    Args:
      dob: MATLAB serial dates [n].
      photo_taken: years [n].
    """
    days = np.floor(np.asarray(dob, np.float64)) - MATLAB_TO_PYTHON_DAYS
    is_date = (days >= 1) & (days <= 3_652_059)  # 0001-01-01 to 9999-12-31
    since_1970 = np.where(is_date, days, 1).astype(np.int64) - 719_163
    months = since_1970.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    years, month_in_year = months // 12 + 1970, months % 12
    return np.where(is_date, photo_taken - years - (month_in_year >= 6), np.nan)


def _read_columns(db_path):
    import scipy.io  # not in the base install, which the other datasets do with

    try:
        with open(db_path, "rb") as file:
            is_hdf5 = b"MATLAB 7.3" in file.read(128)
        if is_hdf5:
            raise InputError(
                f"{db_path}: expected a MATLAB 5 file, got HDF5 (v7.3); save it again with -v7"
            )
        contents = scipy.io.loadmat(db_path, variable_names=KEYS)
    except OSError as error:
        raise InputError(
            f"{db_path}: cannot be read ({error.strerror or error}); give --db-path the .mat file"
        ) from None
    except InputError:
        raise
    except Exception as error:  # scipy raises whatever its parser trips over: struct.error, zlib.error, TypeError, ...
        raise InputError(
            f"{db_path}: expected a MATLAB 5 file, got something else ({str(error)[:200]})"
        ) from None
    key = next((name for name in KEYS if name in contents), None)
    if key is None:
        found = ", ".join(name for name, *_ in scipy.io.whosmat(db_path))[:200] or "nothing"
        raise InputError(f"{db_path}: expected a struct named imdb or wiki, found {found}")
    struct = contents[key]
    names = isinstance(struct, np.ndarray) and struct.dtype.names or ()
    missing = [name for name in FIELDS if name not in names]
    if missing or struct.size != 1:
        raise InputError(
            f"{db_path}: {key} has no field {', '.join(missing) or 'values'}; found {', '.join(names)[:200]}"
        )
    columns = {
        name: np.asarray(struct[name].flat[0]).ravel()
        for name in (*FIELDS, "name", "celeb_id")
        if name in names
    }
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"{db_path}: columns of unequal length: {lengths}")
    for name in columns:
        if name not in ("full_path", "name") and columns[name].dtype.kind not in "fiub":
            raise InputError(
                f"{db_path}: field {name}: expected numbers, got {columns[name].dtype}"
            )
    return columns


def _texts(cells):
    """Returns the text in each cell of a MATLAB cell array; a cell that is empty or holds something else gives ''."""
    return [
        str(cell.flat[0])
        if isinstance(cell, np.ndarray) and cell.size and isinstance(cell.flat[0], str)
        else ""
        for cell in cells
    ]


def _drop_reasons(columns, ages, genders, filters):
    """Returns one reason per record; the first filter that a record fails names it."""
    second = columns["second_face_score"].astype(np.float64)
    conditions = {
        "face_score": ~(
            columns["face_score"].astype(np.float64) >= filters.min_score
        ),  # also true for NaN
        "second_face": second > 0,  # NaN: the detector saw one face only
        "gender": ~np.isin(genders, (0.0, 1.0)),
        "age": ~((ages >= filters.min_age) & (ages <= filters.max_age)),
    }
    return np.select(list(conditions.values()), list(conditions), default="").tolist()


def _identities(columns, paths):
    """Returns the person in each record: celeb_id, else the nm... part of the name, else name and date of birth."""
    celebs = columns["celeb_id"] if "celeb_id" in columns else np.full(len(paths), np.nan)
    people = _texts(columns["name"]) if "name" in columns else [""] * len(paths)
    identities = []
    for path, celeb, person, dob in zip(paths, celebs, people, columns["dob"]):
        match = PERSON_IN_NAME.search(path)
        if np.isfinite(celeb):
            identities.append(f"celeb {int(celeb)}")
        else:
            identities.append(match[1] if match else f"{person} {dob}" if person else None)
    return identities
