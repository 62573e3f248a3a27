import pytest

from age_gender_estimation.model.hooks import show_duration


@pytest.mark.parametrize(
    "seconds, expected",
    [(0, "0 s"), (89.4, "89 s"), (91, "2 min"), (3600, "60 min"), (5400, "1 h 30 min"), (36_300, "10 h 05 min")],
)
def test_durations_as_people_say_them(seconds, expected):
    assert show_duration(seconds) == expected
