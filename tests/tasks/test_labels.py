import pytest

from age_gender_estimation.tasks.labels import LABELS


@pytest.mark.parametrize(
    "name, text, expected",
    [
        ("age", "0", 0),
        ("age", "116", 116),
        ("age", " 7 ", 7),
        ("age", "", None),
        ("gender", "1", 1),
        ("race", "4", 4),
    ],
)
def test_parse_reads_whole_numbers_in_range_and_nothing(name, text, expected):
    assert LABELS[name].parse(text) == expected


@pytest.mark.parametrize(
    "name, text",
    [
        ("age", "117"),
        ("age", "-1"),
        ("age", "34.0"),
        ("age", "old"),
        ("age", "\u0663"),
        ("gender", "2"),
        ("gender", "0-1"),
        ("race", "5"),
    ],
)
def test_parse_refuses_everything_else_and_names_it(name, text):
    with pytest.raises(ValueError, match="expected (0 or female|years from 0 to|0 or White)"):
        LABELS[name].parse(text)


def test_gender_is_coded_as_in_imdb_wiki_and_race_as_in_utkface():
    assert [LABELS["gender"].show(value) for value in (0, 1)] == ["F", "M"]
    assert LABELS["race"].class_names == ("White", "Black", "Asian", "Indian", "Others")
