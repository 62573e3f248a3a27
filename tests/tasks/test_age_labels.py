"""Ages as years and ranges: how they are written, and the number that stands for them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from age_gender_estimation.tasks.age_labels import (
    HIGHEST_AGE,
    age_label,
    first_years,
    last_years,
    middle_years,
    parse_age,
    show_age,
)


@pytest.mark.parametrize(
    "text, first, last",
    [
        ("46", 46, 46),
        (" 0 ", 0, 0),
        ("25-32", 25, 32),
        ("25 - 32", 25, 32),
        ("25\u201332", 25, 32),  # a spreadsheet's dash
        ("(25, 32)", 25, 32),  # Adience
        ("60-100", 60, 100),
        ("70+", 70, 116),
        ("more than 70", 70, 116),  # FairFace
        ("7-7", 7, 7),
    ],
)
def test_years_and_ranges_are_read_as_people_write_them(text, first, last):
    label = parse_age(text)
    assert (first_years(label), last_years(label)) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "32-25",
        "-5",
        "-5-3",
        "5-",
        "117",
        "60-117",
        "200+",
        "12-Aug",
        "(25 32)",
        "25,32",
        "a",
        "46.5",
    ]
    + ["\u0663\u0664", "1-2-3"],
)
def test_other_ages_are_refused(text):
    with pytest.raises(ValueError, match="expected years from 0 to 116"):
        parse_age(text)


def test_an_empty_cell_is_no_label():
    assert parse_age(" ") is None


@given(st.tuples(st.integers(0, HIGHEST_AGE), st.integers(0, HIGHEST_AGE)).map(sorted))
def test_what_is_shown_is_read_back_and_fits_the_columns(years):
    label = age_label(*years)
    assert parse_age(show_age(label)) == label == int(np.int16(label))
    assert [first_years(label), last_years(label)] == years


def test_the_middle_of_a_range_and_near_the_start_of_a_wide_one():
    labels = [age_label(*years) for years in ((46, 46), (25, 32), (10, 20), (70, 116), (0, 100))]
    # 7 // 2 above 25; from ten years on, 5 above the first.
    assert [middle_years(label) for label in labels] == [46, 28, 15, 75, 5]
    assert middle_years(np.array(labels)).tolist() == [46, 28, 15, 75, 5]


def test_a_range_of_one_year_is_that_year():
    assert age_label(46, 46) == parse_age("46-46") == 46
