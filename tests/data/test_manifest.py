import pytest

from age_gender_estimation.data.manifest import (
    divide_validation,
    manifest_text,
    open_manifest,
    read_manifest,
    reporting_part,
)
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError

NAMES = [
    "a, b.jpg",
    'quo"te.jpg',
    "new\nline.jpg",
    "re\rturn.jpg",
    "n\u00e4me \u6f22.jpg",
    "25/nm1.jpg",
]


@pytest.fixture
def manifest(tmp_path):
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    labels = [
        {"age": 3, "gender": None},
        {"age": None, "gender": 1},
        {"age": 99},
        {},
        {},
        {"age": 0, "gender": 0},
    ]
    path = tmp_path / "train.csv"
    path.write_text(manifest_text(zip(NAMES, labels), ["age", "gender"]), encoding="utf-8")
    return path


def test_what_is_written_is_read_back(manifest):
    names, columns = read_manifest(manifest)
    assert names == NAMES
    assert columns == {
        "age": [3, None, 99, None, None, 0],
        "gender": [None, 1, None, None, None, 0],
        "race": [None] * 6,
    }


def test_open_counts_rows_and_labels(manifest, tmp_path):
    opened = open_manifest(manifest, tmp_path)
    assert (opened.num_rows, opened.columns, opened.tasks) == (
        6,
        ("filename", "age", "gender"),
        ("age", "gender"),
    )
    assert opened.num_labels == {"age": 3, "gender": 2, "race": 0}
    assert {age: count for age, count in enumerate(opened.ages) if count} == {0: 1, 3: 1, 99: 1}


def test_only_the_labels_that_are_asked_for_count(manifest, tmp_path):
    opened = open_manifest(manifest, tmp_path, ("gender",))
    assert (opened.tasks, opened.num_labels, sum(opened.ages)) == (
        ("gender",),
        {"age": 0, "gender": 2, "race": 0},
        0,
    )
    with pytest.raises(
        InputError, match="its labels of race are to be used, its columns are filename, age, gender"
    ):
        open_manifest(manifest, tmp_path, ("gender", "race"))


def test_a_missing_crop_or_folder_is_named(manifest, tmp_path):
    (tmp_path / NAMES[2]).unlink()
    with pytest.raises(InputError, match="row 4: no picture"):
        open_manifest(manifest, tmp_path)
    with pytest.raises(InputError, match="nowhere: expected the folder"):
        open_manifest(manifest, tmp_path / "nowhere")


@pytest.mark.parametrize(
    "rows, message",
    [
        ("a.jpg,M\n", "row 2, column gender: expected a whole number"),
        ("a.jpg, 1\n", "row 2, column gender: expected no spaces"),
        ("a.jpg,1\n\na.jpg,1\n", "row 3: expected 2 cells, found 0"),
        ("/a.jpg,1\n", "row 2: expected a name relative to"),
    ],
)
def test_what_tensorflow_would_not_read_is_refused(tmp_path, rows, message):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "m.csv").write_text(f"filename,gender\n{rows}")
    with pytest.raises(InputError, match=message):
        open_manifest(tmp_path / "m.csv", tmp_path)


@pytest.fixture
def long_manifest(tmp_path):
    for number in range(MIN_ROWS):
        (tmp_path / f"{number}.jpg").touch()
    rows = [(f"{number}.jpg", {"age": number % 100, "gender": None}) for number in range(MIN_ROWS)]
    (tmp_path / "val.csv").write_text(manifest_text(rows, ["age", "gender"]))
    return open_manifest(tmp_path / "val.csv", tmp_path)


def names_of(manifest):
    return read_manifest(manifest.path, part=manifest.part)[0]


def test_choosing_calibrating_and_reporting_share_no_row_of_a_long_list(long_manifest):
    [chosen], [calibrating] = divide_validation([long_manifest])
    parts = [chosen, calibrating, reporting_part(long_manifest)]
    assert sorted(sum(map(names_of, parts), [])) == sorted(names_of(long_manifest))
    assert [part.num_rows for part in parts] == [len(names_of(part)) for part in parts]
    assert all(part.num_labels["age"] == sum(part.ages) == part.num_rows == 100 for part in parts)
    assert names_of(parts[1])[0] == "100.jpg" and names_of(parts[2])[-1] == "299.jpg"


def test_a_short_list_chooses_with_all_its_rows_and_can_neither_calibrate_nor_report(
    manifest, tmp_path, long_manifest
):
    short = open_manifest(manifest, tmp_path)
    chosen, calibrating = divide_validation([short, long_manifest])
    assert chosen[0] == short and len(chosen) == 2
    assert [manifest.path for manifest in calibrating] == [long_manifest.path]
    with pytest.raises(
        InputError, match="expected at least 300 rows.*found 6: all of them chose it"
    ):
        reporting_part(short)
