import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex

from age_gender_estimation.data_report.age_figures import draw_ages
from age_gender_estimation.data_report.counts import report_data
from age_gender_estimation.data_report.duplicates import find_duplicates
from age_gender_estimation.data_report.figures import (
    GENDER_COLORS,
    choose_images,
    draw_conflicts,
    draw_gender_by_race,
    draw_sample,
)
from age_gender_estimation.data_report.listed_images import ListedImage, read_images
from age_gender_estimation.tasks.age_labels import age_label


@pytest.fixture(scope="module")
def faces(manifests):
    return read_images(manifests)


def make_face(number, age, source="t", content="x"):
    return ListedImage(
        source, f"{number}", f"{number}", {"age": age, "gender": None, "race": None}, content, ""
    )


def texts(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_ages_are_stacked_by_list_and_by_gender(faces):
    upper, lower = draw_ages(faces).axes
    assert texts(upper) == ["train.csv: 8", "val.csv: 3"]
    assert texts(lower) == ["female: 5", "male: 5", "unlabelled: 1"]
    for axis in (upper, lower):
        top = {}
        for bars in axis.containers:
            for bar in bars:
                year = round(bar.get_x() + bar.get_width() / 2)
                top[year] = top.get(year, 0) + bar.get_height()
        expected = {0: 1, 11: 1, 12: 1, 26: 2, 27: 1, 52: 1, 53: 1, 80: 1, 81: 1, 116: 1}
        assert {year: height for year, height in top.items() if height} == expected


def test_lists_of_one_age_stand_upon_each_other():
    upper = draw_ages([make_face(1, 30, "t"), make_face(2, 30, "v")]).axes[0]
    assert [bars[30].get_y() for bars in upper.containers] == [0, 1]


def test_one_list_with_a_name_that_matplotlib_reads_as_markup():
    upper, lower = draw_ages([make_face(1, 30, "_a$b$.csv")]).axes
    assert texts(upper) == ["_a$b$.csv: 1"] and texts(lower) == ["unlabelled: 1"]
    assert not upper.get_legend().get_texts()[0].get_parse_math()


def test_bars_of_gender_by_race_leave_out_what_is_empty(faces):
    axis = draw_gender_by_race(report_data(faces)["total"]["gender_by_race"]).axes[0]
    races = [label.get_text() for label in axis.get_xticklabels()]
    assert races == ["White", "Black", "Asian", "Indian", "unlabelled"]
    heights = {
        to_hex(bars[0].get_facecolor()): [bar.get_height() for bar in bars]
        for bars in axis.containers
    }
    assert heights == {
        GENDER_COLORS["female"]: [3, 1, 0, 0, 2],
        GENDER_COLORS["male"]: [1, 0, 2, 0, 2],
        GENDER_COLORS["unlabelled"]: [0, 0, 0, 1, 0],
    }


def test_decades_take_turns_in_the_sample():
    rare = [make_face(200, 95), make_face(201, None), make_face(202, 5, content="")]
    faces = [make_face(number, 20 + number % 10) for number in range(100)] + rare
    chosen = choose_images(faces, 8, seed=0)
    ages = [face.labels["age"] for face in chosen]
    assert len({face.filename for face in chosen}) == 8 and ages[6:] == [95, None]
    assert (
        ages[:6] == sorted(ages[:6]) and max(ages[:6]) < 30
    )  # nobody of 5 years, whose picture is broken
    assert choose_images(faces, 8, seed=0) == chosen != choose_images(faces, 8, seed=1)
    assert len(choose_images(faces, 500, seed=0)) == 102


def test_the_grid_shows_pictures_with_their_labels(faces):
    chosen = choose_images(faces, 32, seed=0)
    axes = [axis for axis in draw_sample(chosen).axes if axis.images]
    assert len(axes) == 11
    assert [axis.texts[0].get_text() for axis in axes][:2] == ["0 F White", "11 Indian"]
    assert axes[-1].texts[0].get_text() == "F"
    drawn = np.asarray(axes[0].images[0].get_array())
    assert (drawn == cv2.imread(chosen[0].path)[..., ::-1]).all()  # RGB


def test_contradicting_labels_stand_under_the_one_picture(faces):
    axes = [axis for axis in draw_conflicts(find_duplicates(faces)).axes if axis.images]
    assert [axis.texts[0].get_text() for axis in axes] == [
        "27 M White  (train.csv)\n53 M  (val.csv)"
    ]


def test_many_rows_of_one_picture_are_cut_short(faces):
    group = [
        ListedImage(
            "a/very/long/folder/train.csv",
            "",
            faces[0].path,
            {"age": age, "gender": None, "race": None},
            "x",
            "",
        )
        for age in range(6)
    ]
    lines = draw_conflicts([group]).axes[0].texts[0].get_text().splitlines()
    assert lines[0] == "0  (\N{HORIZONTAL ELLIPSIS}/folder/train.csv)"
    assert len(lines) == 5 and lines[-1] == "and 2 more"


def test_no_contradiction_no_picture(faces):
    assert draw_conflicts(find_duplicates(faces[:9])) is None


def test_ranges_are_bars_over_their_years_below_the_histogram():
    faces = [make_face(1, 30, "t"), *[make_face(2, age_label(25, 32), "v")] * 4]
    *years, ranges = draw_ages(faces).axes
    assert len(years) == 2 and texts(years[0]) == ["t: 1"] and texts(ranges) == ["v: 4"]
    [bars] = ranges.containers
    # Four faces over eight years.
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in bars] == [(24.5, 8, 0.5)]
    assert [texts(axis) for axis in draw_ages(faces[1:]).axes] == [["v: 4"]]


def test_a_range_is_drawn_with_the_decade_of_its_middle():
    faces = [make_face(1, 90), make_face(2, age_label(25, 32)), make_face(3, 24)]
    # 25-32 is 28 years and shares a decade with 24; 90 comes first in its own.
    assert len(choose_images(faces, 2, seed=0)) == 2
    assert choose_images(faces, 2, seed=0)[-1].labels["age"] == 90
    assert [face.filename for face in choose_images(faces, 3, seed=0)] == ["3", "2", "1"]
