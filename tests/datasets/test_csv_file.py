import csv
import io
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from age_gender_estimation.data.csv_rows import read_rows
from age_gender_estimation.data.manifest import Manifest, open_manifest
from age_gender_estimation.datasets.csv_columns import parse_columns
from age_gender_estimation.datasets.csv_dataset import read_csv_dataset
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.errors import InputError, SettingError


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
        ("filename,age,age\n", "'age' and 'age' may both be age; say --columns age=NAME"),
        ("File,photo,age\n", "'File' and 'photo' may both be filename"),
        ("name,age\n", "column filename, found 'name, age'; --columns filename=NAME"),
        (b"PK\x03\x04...", "got an Excel workbook; save it as CSV UTF-8"),
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
        (",".join(["filename", *map(str, range(10**5))]), "expected rows"),
        ("filename," + "\x1b[2J" * 10**4, "expected rows"),
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


MESSY = (
    b"\xef\xbb\xbf;Dateiname;Alter;Sex;Race;note;Identity\r\n"
    b"0;a.jpg;25.0;Woman;caucasian;x;ann\r\n"
    b"1;b;c.jpg;;;;;\r\n"
    b"2;c.jpg;NaN;NA;None;;nan\r\n"
    b'3;"d;e.jpg";30-39;M\xc3\xa4nnlich;Middle Eastern;;\r\n'
    b"4;f.jpg;25.5;1;7;;\r\n"
)


def test_a_spreadsheet_with_names_and_words_of_its_own_is_read(tmp_path, caplog):
    path = write(tmp_path, MESSY)
    table = read_labelled_csv(path, skip_bad_rows=True)
    assert table.header == ("", "filename", "age", "gender", "race", "", "person")
    assert table.filenames == ["a.jpg", "c.jpg", "d;e.jpg"] and table.people == ["ann", "", ""]
    assert [table.labels_of(index) for index in range(3)] == [
        {"age": 25, "gender": 0, "race": 0},
        {"age": None, "gender": None, "race": None},
        {"age": 30 + 128 * 9, "gender": 1, "race": 4},
    ]
    assert table.rows.tolist() == [0, 2, 3]
    assert table.bad_rows[0] == "row 3: expected 7 cells, found 8"
    assert table.bad_rows[1].startswith("row 6, column Alter: expected years from 0 to 116")
    assert "not used: the columns '', 'note'" in caplog.text
    assert "left out: " + path + ": 2 of 5 rows cannot be read" in caplog.text
    dropped = [each.drop for each in read_csv_dataset(path, Filters(), {}, skip_bad_rows=True)]
    assert dropped == ["", "no_label", "", "bad_row", "bad_row"]


def test_all_wrong_rows_are_told_at_once(tmp_path):
    content = "filename\tsex\n" + "".join(f"{number}.jpg\tx{number}\n" for number in range(13))
    with pytest.raises(InputError) as caught:
        read_labelled_csv(write(tmp_path, content))
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("faces.csv: 13 of 13 rows cannot be read") and len(lines) == 12
    assert lines[1].strip() == (
        "row 2, column sex: expected 0 or female (F, woman, girl, weiblich, w), "
        "1 or male (M, man, boy, m\u00e4nnlich) or nothing, got 'x0'"
    )
    assert lines[11].strip() == "and 3 more"


def test_a_column_that_is_named_comes_before_one_of_our_name(tmp_path):
    path = write(tmp_path, "filename,age,real age\na.jpg,99,7\n")
    names = parse_columns("age=real age")
    assert read_labelled_csv(path).labels["age"].tolist() == [99]
    assert read_labelled_csv(path, names).labels["age"].tolist() == [7]
    with pytest.raises(InputError, match="no column 'real_age', which --columns names for age"):
        read_labelled_csv(path, parse_columns("age=real_age"))


@pytest.mark.parametrize("text", ["age", "years=age", "age=", "age=a,,"])
def test_wrong_columns_are_refused(text):
    with pytest.raises(SettingError, match="--columns: expected OURS=YOURS with ours"):
        parse_columns(text)


def test_one_column_cannot_be_two_of_ours():
    with pytest.raises(SettingError, match="--columns: .* got 'x' twice"):
        parse_columns("age=x,gender=x")


def test_training_reads_the_names_of_a_list_with_semicolons(tmp_path):
    image_dir = tmp_path / "crop"
    image_dir.mkdir()
    for name in ("a.jpg", "d;e.jpg"):
        (image_dir / name).touch()
    path = write(tmp_path, 'age;path\n7;a.jpg\n8;"d;e.jpg"\n')
    rows = read_rows([open_manifest(path, str(image_dir))], ["age"])
    found = [
        (os.path.basename(name.decode()), labels["age"])
        for name, labels in rows.as_numpy_iterator()
    ]
    assert found == [("a.jpg", 7), ("d;e.jpg", 8)]


def test_a_folder_is_no_csv(tmp_path):
    with pytest.raises(InputError, match="cannot be read .*; expected a CSV file"):
        read_labelled_csv(str(tmp_path))


PIECES = [
    "filename,age\n",
    "a.jpg",
    ",",
    ";",
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
        lambda pieces: ("filename;age\n" + "".join(pieces)).encode(errors="replace")
    )
    | st.lists(CELLS, max_size=30).map(
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
        assert len(str(error).splitlines()) <= 12
        return
    labels = {"age": table.labels["age"]}
    manifest = Manifest(
        str(path), "", table.delimiter, table.header, table.filenames, labels, table.rows, (), ""
    )
    read = list(read_rows([manifest], ["age"]).as_numpy_iterator())
    assert [name.decode() for name, _ in read] == table.filenames
    assert [row["age"] for _, row in read] == labels["age"].tolist()
