import json
import re

import pytest

from age_gender_estimation.data_report.counts import report_data
from age_gender_estimation.data_report.listed_images import ListedImage
from age_gender_estimation.data_report.page import data_page, summary
from age_gender_estimation.tasks.age_labels import age_label
from tests.markup.test_html_page import Reader


@pytest.fixture(scope="module")
def reported(script, listed, tmp_path_factory):
    """The finished script and the folder it wrote."""
    out = tmp_path_factory.mktemp("reported") / "new" / "report"
    lists = ("--csv", listed / "train.csv", listed / "val.csv", "--img-dir", listed / "crop")
    return script("report_data.py", *lists, "--output-dir", out), out


def test_script_writes_page_and_json_and_says_what_matters(reported):
    done, out = reported
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]
    assert (
        "12 rows in 2 lists; labelled: age 11, gender 11, race 8; 1 unreadable images."
        in done.stdout
    )
    assert (
        "2 images are listed more than once, in 4 rows; 1 of them are in more than one list: "
        "trained" in done.stdout
    )
    assert "1 images have labels that contradict each other: age 1." in done.stdout
    assert json.loads((out / "report.json").read_text())["total"]["rows"] == 12


def test_page_has_every_section_with_its_pictures_and_tables(reported):
    reader = Reader((reported[1] / "report.html").read_text(encoding="utf-8"))
    assert [text for tag, text in reader.texts if tag == "h2"] == [
        *["At a glance", "Age", "Gender and race", "Sample faces"],
        *["Contradicting labels", "Duplicates", "Unreadable images"],
    ]
    assert sum(tag == "img" for tag, _ in reader.attributes) == 4
    # Lists, decades, three groupings, gender, race, both, contradictions, duplicates by list and
    # one by one, unreadable.
    assert sum(tag == "table" for tag, _ in reader.attributes) == 12
    cells = [text for tag, text in reader.texts if tag == "td"]
    assert 'train.csv: c.png (27, male, White)\nval.csv: <b>&".jpg (53, male)' in cells
    assert "train.csv and val.csv" in cells and "the file is truncated or damaged" in cells


def test_page_loads_nothing_and_takes_no_name_for_markup(reported):
    text = (reported[1] / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://", text) and "<b>" not in text


def test_equal_inputs_give_equal_bytes_whatever_the_folder(script, reported, listed, tmp_path):
    lists = ("--csv", "train.csv", "val.csv", "--img-dir", "crop", "crop")
    script("report_data.py", *lists, "--output-dir", tmp_path, cwd=listed)
    for name in ("report.json", "report.html"):
        assert (tmp_path / name).read_bytes() == (reported[1] / name).read_bytes()
    assert str(listed.name) not in (tmp_path / "report.json").read_text()


@pytest.mark.parametrize(
    "csvs, folders, code, message",
    [
        (["no.csv"], ["crop"], 1, "no.csv: cannot be read"),
        (["val.csv"], ["."], 1, "val.csv, row 2: no image 'v.png' in ."),
        (["val.csv", "./val.csv"], ["crop"], 2, "expected every CSV once, got val.csv 2 times"),
    ],
)
def test_what_cannot_be_reported_is_one_line_and_an_exit_code(
    script, listed, tmp_path, csvs, folders, code, message
):
    done = script(
        *[
            "report_data.py",
            "--csv",
            *csvs,
            "--img-dir",
            *folders,
            "--output-dir",
            tmp_path / "out",
        ],
        check=False,
        cwd=listed,
    )
    assert done.returncode == code and done.stderr.splitlines()[-1].startswith(f"error: {message}")
    assert "Traceback" not in done.stderr and not (tmp_path / "out/report.json").exists()


def test_a_single_list_has_no_total():
    faces = [
        ListedImage(
            "t.csv", "a", "a", {"age": 30, "gender": 1, "race": None}, "", "the file is empty"
        )
    ]
    cells = [
        text for tag, text in Reader(data_page(report_data(faces), faces)).texts if tag == "td"
    ]
    assert "total" not in cells and "share" in cells


def test_rows_without_labels_or_pictures_are_still_a_page():
    faces = [
        ListedImage(
            "t.csv", "a", "a", {"age": None, "gender": None, "race": None}, "", "the file is empty"
        )
    ]
    texts = [text for _, text in Reader(data_page(report_data(faces), faces)).texts]
    assert {
        "No row has an age.",
        "No image can be read.",
        "None: no two rows list the same bytes.",
    } <= set(texts)
    assert summary(report_data(faces))[1].endswith("0 of them are in more than one list.")


def test_ranges_have_a_table_of_their_own():
    ages = [("t.csv", age_label(25, 32))] * 2 + [("v.csv", age_label(0, 2)), ("v.csv", 26)]
    faces = [
        ListedImage(source, str(n), "", {"age": age, "gender": 1, "race": None}, "", "empty")
        for n, (source, age) in enumerate(ages)
    ]
    texts = [text for _, text in Reader(data_page(report_data(faces), faces)).texts]
    assert "921" not in texts  # the number that a range is stored as
    at = texts.index("Ages that are labelled as ranges:")
    assert texts[at + 1 : at + 13] == [
        *("range", "t.csv", "v.csv", "total"),
        *("0-2", "0", "1", "1"),
        *("25-32", "2", "0", "2"),
    ]
