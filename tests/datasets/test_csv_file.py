import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from age_gender_estimation.data.csv_rows import read_rows
from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.datasets.csv_dataset import read_csv_dataset
from age_gender_estimation.datasets.csv_file import read_labelled_csv
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
            "row 2, column age: expected years from 0 to 116, as in 46, 25-32 or 70., or nothing, "
            "got '200'",
        ),
        ("filename,age\na.jpg,32-25\n", "row 2, column age: .*'32-25'"),
        ("filename,age\na.jpg,110-120\n", "row 2, column age: .*'110-120'"),
        ("filename,age\na.jpg,-3-5\n", "row 2, column age: .*'-3-5'"),
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
            "line 4: expected UTF-8 CSV .*a quote inside a cell that is not quoted",
        ),
        ("filename,age\n" + "a" * 2**18 + ",3\n", "expected UTF-8 CSV.*field larger than"),
        ("filename,age\n" + "a," * 2**18 + "\n", "row 2: expected 2 cells, found 262145"),
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
    table = read_labelled_csv(str(path))
    ages = [-1 if age is None else age for _, age in rows]
    assert table.filenames == [name for name, _ in rows] and table.labels["age"].tolist() == ages


def test_blank_lines_are_skipped_and_cells_may_have_spaces_and_names(tmp_path):
    content = "\ufefffilename,gender,age\r\n\r\na.jpg, Male ,7\r\n\r\nb.jpg,f, 8\r\n\r\n"
    table = read_labelled_csv(write(tmp_path, content))
    assert table.header == ("filename", "gender", "age") and table.filenames == ["a.jpg", "b.jpg"]
    assert table.rows.tolist() == [1, 3] and table.labels_of(0) == {"gender": 1, "age": 7}
    assert table.labels_of(1) == {"gender": 0, "age": 8}
    with pytest.raises(InputError, match="row 5, column age"):  # blank lines count
        read_labelled_csv(write(tmp_path, content.replace(" 8", "x")))


def test_a_folder_is_no_csv(tmp_path):
    with pytest.raises(InputError, match="cannot be read .*; expected a CSV file"):
        read_labelled_csv(str(tmp_path))


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
        table = read_labelled_csv(str(path)).require_rows()
    except InputError as error:
        assert "\n" not in str(error)
        return
    labels = {"age": table.labels["age"]}
    manifest = Manifest(str(path), "", table.header, table.filenames, labels, table.rows, (), "")
    read = list(read_rows([manifest], ["age"]).as_numpy_iterator())
    assert [name.decode() for name, _ in read] == table.filenames
    assert [row["age"] for _, row in read] == labels["age"].tolist()
