import csv
import io
import os

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from age_gender_estimation.datasets.csv_file import (
    MAX_LINE,
    read_csv_dataset,
    read_header,
    read_rows,
)
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.errors import InputError


def write(tmp_path, content):
    path = tmp_path / "faces.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_numbers_names_people_and_splits_are_read(tmp_path):
    path = write(
        tmp_path,
        'filename,person,age,gender,race,split\na.jpg,ann,34,female,Asian,val\n"b, c.jpg",,,M,2,\n',
    )
    first, second = read_csv_dataset(path, Filters(max_age=116))
    assert first.labels == {"age": 34, "gender": 0, "race": 2} and (
        first.identity,
        first.split,
    ) == ("ann", "val")
    assert second.path == "b, c.jpg" and second.labels == {"age": None, "gender": 1, "race": 2}
    assert (second.identity, second.split) == (None, None)


def test_a_row_without_labels_or_outside_the_ages_is_dropped_by_reason(tmp_path):
    path = write(tmp_path, "filename,age,gender\na.jpg,,\nb.jpg,90,1\nc.jpg,20,1\n")
    assert [example.drop for example in read_csv_dataset(path, Filters(max_age=80))] == [
        "no_label",
        "age",
        "",
    ]


@pytest.mark.parametrize(
    "content, message",
    [
        ("a.jpg,34,1\n", "expected a header line with the column filename"),
        ("", "an empty file"),
        ("filename,age,height\n", "unknown column 'height'"),
        ("filename,age,age\n", "expected a header line"),
        (
            "filename,age\na.jpg,200\n",
            "row 2, column age: expected a whole number from 0 to 116 or nothing, got '200'",
        ),
        ("filename,age\na.jpg,1\nb.jpg,old\n", "row 3, column age: .*'old'"),
        ("filename,gender\na.jpg,2\n", "row 2, column gender"),
        ("filename,age\na.jpg\n", "row 2: expected 2 cells, found 1"),
        ("filename,age\n,3\n", "row 2, column filename"),
        ("filename,age\n", "expected rows under the header"),
        ("filename,split\na.jpg,training\n", "row 2, column split: expected train, val, test"),
        ('filename,age\n"a.jpg,3\n', "expected UTF-8 CSV"),
        (b"filename,age\n\xff\xfe.jpg,3\n", "expected UTF-8 CSV"),
        (b"filename,age\na\x00.jpg,3\n", "row 2, column filename"),
        ("filename,age\na.jpg,3\n".encode("utf-16"), "expected UTF-8 CSV"),
        ('filename,age\n"a"b.jpg,3\n', "expected UTF-8 CSV"),
        (
            'filename,age\n"a""b.jpg",3\na"b.jpg,3\n',
            "line 4: expected UTF-8 CSV .* within 'a\"b.jpg', which is not quoted",
        ),
        ("filename,age\n" + "a" * 2**18 + ",3\n", "expected UTF-8 CSV.*field larger than"),
        ("filename,age\n" + "a," * 2**18 + "\n", "row 2: expected 2 cells, found 262145"),
        ("filename,age\n" + "," * MAX_LINE, "expected lines of less than"),
        (",".join(["filename", *map(str, range(10**5))]), "unknown column '0'"),
        ("filename," + "\x1b[2J" * 10**4, "unknown column"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_errors_name_file_row_and_column(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=message) as caught:
        read_csv_dataset(path, Filters())
    assert (
        path in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 600
    )


NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=40
)


@given(st.lists(st.tuples(NAMES, st.none() | st.integers(0, 116)), min_size=1, max_size=20))
def test_any_file_name_survives_the_way_through_a_csv(tmp_path_factory, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["filename", "age"])
    writer.writerows((name, "" if age is None else age) for name, age in rows)
    path = tmp_path_factory.mktemp("csv") / "faces.csv"
    path.write_bytes(text.getvalue().encode())
    assert [(row["filename"], labels["age"]) for _, row, labels in read_rows(str(path))] == rows


def test_a_pipe_or_device_is_no_csv_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "faces.csv")
    for path in (str(tmp_path / "faces.csv"), "/dev/zero", str(tmp_path)):
        with pytest.raises(InputError, match="expected a CSV file, found a folder, pipe or device"):
            read_header(path)


PIECES = [
    "filename,age\n",
    "a.jpg",
    ",",
    "\n",
    "\r\n",
    "\r",
    '"',
    '""',
    '"a,\n"',
    "7",
    "007",
    "\ufeff",
    "\0",
    "\x85",
    "\u2028",
    " ",
]
CELLS = st.sampled_from(PIECES) | st.text(max_size=3)


@settings(deadline=None)
@given(
    st.lists(CELLS, max_size=30).map(
        lambda pieces: ("filename,age\n" + "".join(pieces)).encode(errors="replace")
    )
)
def test_whatever_a_manifest_holds_training_reads_the_same_rows_or_refuses(
    tmp_path_factory, content
):
    path = tmp_path_factory.mktemp("csv") / "train.csv"
    path.write_bytes(content)
    try:
        rows = [(row["filename"], labels["age"]) for _, row, labels in read_rows(str(path))]
    except InputError as error:
        assert "\n" not in str(error)
        return
    columns = [tf.string, tf.constant([-1], tf.int32)]
    read = list(
        tf.data.experimental.CsvDataset(str(path), columns, header=True).as_numpy_iterator()
    )
    assert [(name.decode(), None if age == -1 else age) for name, age in read] == rows
