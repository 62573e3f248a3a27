import datetime
import struct

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.imdb_wiki import ages_when_taken, read_imdb_wiki
from age_gender_estimation.errors import InputError


def matlab_date(year, month, day):
    return datetime.date(year, month, day).toordinal() + 366


@pytest.mark.parametrize(
    "born, taken, expected",
    [
        ((1980, 6, 30), 2000, 20),  # had the birthday by the middle of the year
        ((1980, 7, 1), 2000, 19),  # not yet
        ((1980, 12, 31), 2000, 19),
        ((2000, 2, 29), 2000, 0),
        ((1, 1, 1), 2000, 1999),
    ],
)
def test_age_counts_the_photo_as_taken_in_mid_year(born, taken, expected):
    assert ages_when_taken(np.array([matlab_date(*born)]), np.array([taken]))[0] == expected


@pytest.mark.parametrize("dob", [0, 366, -5, 10**9])
def test_a_birth_date_that_is_no_date_gives_no_age(dob):
    assert np.isnan(ages_when_taken(np.array([dob]), np.array([2000]))[0])


def test_ages_agree_with_pythons_calendar_on_random_dates():
    generator = np.random.default_rng(0)
    days = generator.integers(
        datetime.date(1850, 1, 1).toordinal(), datetime.date(2015, 1, 1).toordinal(), 500
    )
    taken = generator.integers(1950, 2016, 500)
    dates = [datetime.date.fromordinal(int(day)) for day in days]
    expected = [year - date.year - (date.month >= 7) for date, year in zip(dates, taken)]
    assert ages_when_taken(days + 366, taken).tolist() == expected


def test_sample_gives_its_labels_and_drop_reasons(sample):
    folder, labels, dropped = sample
    examples = read_imdb_wiki(str(folder / "imdb.mat"), Filters())
    assert {example.path: example.labels for example in examples if not example.drop} == labels
    reasons = [example.drop for example in examples if example.drop]
    assert {reason: reasons.count(reason) for reason in reasons} == dropped
    assert len({example.identity for example in examples[:4]}) == 1


def test_filters_are_inclusive(sample):
    folder, labels, _ = sample
    ages = {
        example.labels["age"]
        for example in read_imdb_wiki(str(folder / "imdb.mat"), Filters(min_age=20, max_age=60))
        if not example.drop
    }
    assert ages == {label["age"] for label in labels.values() if 20 <= label["age"] <= 60}


def test_wiki_without_celeb_id_tells_people_by_name_and_birth(tmp_path, sample):
    struct = loadmat(sample[0] / "imdb.mat")["imdb"]
    fields = {name: struct[name][0, 0] for name in struct.dtype.names if name != "celeb_id"}
    for cell in range(fields["full_path"].shape[1]):
        fields["full_path"][0, cell] = np.array([f"{cell % 100:02d}/{cell}.jpg"])
    savemat(tmp_path / "wiki.mat", {"wiki": fields})
    examples = read_imdb_wiki(str(tmp_path / "wiki.mat"), Filters())
    assert examples[0].identity == examples[1].identity != examples[4].identity
    assert examples[0].identity.startswith("Person 0 ")


def without(struct, field):
    return {name: struct[name][0, 0] for name in struct.dtype.names if name != field}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda path, _: path.write_bytes(b"no mat at all"), "expected a MATLAB 5 file"),
        (lambda path, _: path.write_bytes(b""), "expected a MATLAB 5 file"),
        (
            lambda path, _: savemat(path, {"faces": 1}),
            "expected a struct named imdb or wiki, found faces",
        ),
        (lambda path, _: savemat(path, {"imdb": 1}), "has no field"),
        (lambda path, struct: savemat(path, {"imdb": without(struct, "dob")}), "has no field dob"),
        (
            lambda path, struct: savemat(path, {"imdb": {**without(struct, "dob"), "dob": [1, 2]}}),
            "unequal length",
        ),
        (
            lambda path, struct: savemat(
                path, {"imdb": {**without(struct, ""), "dob": struct["full_path"][0, 0]}}
            ),
            "dob: expected numbers",
        ),
    ],
)
def test_a_wrong_mat_is_refused_in_one_line(tmp_path, sample, make, message):
    path = tmp_path / "imdb.mat"
    make(path, loadmat(sample[0] / "imdb.mat")["imdb"])
    with pytest.raises(InputError, match=message) as caught:
        read_imdb_wiki(str(path), Filters())
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_hdf5_is_refused_by_name(tmp_path):
    path = tmp_path / "imdb.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["imdb"] = 1
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    with pytest.raises(InputError, match="HDF5"):
        read_imdb_wiki(str(path), Filters())


def test_a_missing_mat_is_named():
    with pytest.raises(InputError, match="nowhere.mat: cannot be read"):
        read_imdb_wiki("nowhere.mat", Filters())


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind, shape, body, name=b""):
    """A MATLAB 5 array: its class, shape, name, and whatever its contents are said to be."""
    parts = (
        element(6, struct.pack("<II", kind, 0)),
        element(5, struct.pack("<ii", *shape)),
        element(1, name),
        body,
    )
    return element(14, b"".join(parts))


def odd_mat(shape=(1, 1), **fields):
    """An imdb.mat with one record, and `fields` as they are given."""
    names = ("dob", "photo_taken", "full_path", "gender", "face_score", "second_face_score")
    number = matrix(6, (1, 1), element(9, struct.pack("<d", 7)))
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    listed = element(5, struct.pack("<i", 32)) + element(
        1, b"".join(name.encode().ljust(32, b"\0") for name in names)
    )
    return header + matrix(
        2, shape, listed + b"".join(fields.get(name, number) for name in names), b"imdb"
    )


SPARSE = matrix(
    5, (1, 1), element(5, bytes(4)) + element(5, struct.pack("<ii", 0, 1)) + element(9, bytes(8))
)
PATH = matrix(1, (1, 1), matrix(4, (1, 5), element(16, b"a.jpg")))


@pytest.mark.parametrize(
    "content, message",
    [
        (odd_mat(dob=matrix(6, (1, 2**31 - 1), struct.pack("<II", 9, 2**31))), "cannot be read"),
        (odd_mat(full_path=PATH, dob=SPARSE), "field dob: expected numbers"),
        (odd_mat(full_path=PATH, dob=PATH), "field dob: expected numbers"),
        (odd_mat(full_path=PATH)[:-100], "cannot be read|got something else"),
    ],
    ids=("numbers", "sparse", "text", "truncated"),
)
def test_a_damaged_mat_is_one_line(tmp_path, content, message):
    (tmp_path / "imdb.mat").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_imdb_wiki(str(tmp_path / "imdb.mat"), Filters())
    assert len(str(caught.value)) < 600


def test_a_path_that_is_none_is_empty_and_one_that_leads_out_is_left_to_preprocess(tmp_path):
    out = matrix(1, (1, 1), matrix(4, (1, 8), element(16, b"../x.jpg")))
    for full_path, expected in (
        (PATH, "a.jpg"),
        (out, "../x.jpg"),
        (SPARSE, ""),
        (matrix(1, (1, 1), PATH), ""),
    ):
        (tmp_path / "imdb.mat").write_bytes(odd_mat(full_path=full_path))
        (example,) = read_imdb_wiki(str(tmp_path / "imdb.mat"), Filters())
        assert example.path == expected
