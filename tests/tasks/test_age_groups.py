import numpy as np
import pytest

from age_gender_estimation.tasks.age_groups import (
    AGE_GROUPS,
    allowed_groups,
    group_label,
    group_name,
    parse_age_groups,
)


def test_the_groups_of_the_published_study():
    assert list(map(group_name, AGE_GROUPS["3"])) == ["1-26", "27-52", "53-80"]
    assert list(map(group_name, AGE_GROUPS["5"])) == ["1-11", "12-23", "24-39", "40-55", "56-80"]
    names = ["1-8", "9-16", "17-24", "25-32", "33-40", "41-48", "49-56", "57-64", "65-72", "73-80"]
    assert list(map(group_name, AGE_GROUPS["10"])) == names


def test_both_ends_of_a_group_are_in_it():
    years = np.array([0, 1, 17, 18, 64, 65, -1])
    young, old = allowed_groups(years, ((1, 17), (18, 64)))
    assert np.flatnonzero(young).tolist() == [1, 2] and np.flatnonzero(old).tolist() == [3, 4]


def test_own_ranges_may_have_gaps_and_single_years():
    assert parse_age_groups("0-0, 18-64,65-116") == ((0, 0), (18, 64), (65, 116))
    assert group_label(((0, 17), (18, 116))).class_names == ("0-17", "18-116")


@pytest.mark.parametrize(
    "text, message",
    [
        ("1-20,20-30", "do not overlap, got 1-20 before 20-30"),
        ("30-40,1-20", "do not overlap, got 30-40 before 1-20"),
        ("20-10", "first year of a range before its last, got '20-10'"),
        ("", "expected 3, 5, 10 or ranges of years up to 116 as in 0-17,18-64, got ''"),
        ("7", "got '7'"),
        ("1-20,", "got ''"),
        ("1-117", "got '1-117'"),
        ("-5-3", "got '-5-3'"),
    ],
)
def test_wrong_groups_are_refused_by_name(text, message):
    with pytest.raises(ValueError, match=message):
        parse_age_groups(text)
