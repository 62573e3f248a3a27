"""tools.light, without the environments that it makes (make test-light)."""

import sys

import pytest

from age_gender_estimation.cli.run import exit_code_of
from age_gender_estimation.errors import InputError
from tools import light

RECORD = {"file": "a.png", "age": 36.02, "gender": "female", "gender_confidence": 0.981}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"age": 36.029, "gender_confidence": 0.9815}, ""),
        ({"age": 36.04}, "Python 3.13, photo: expected age 36.02, got 36.04"),
        ({"gender_confidence": 0.983}, "expected gender_confidence 0.981, got 0.983"),
        ({"gender": "male"}, "expected gender female, got male"),
    ],
)
def test_records_may_differ_by_the_tolerances(change, message):
    expected, actual = {"photo": [RECORD]}, {"photo": [{**RECORD, **change}]}
    if not message:
        light.compare("Python 3.13", expected, actual)
        return
    with pytest.raises(InputError, match=message):
        light.compare("Python 3.13", expected, actual)


@pytest.mark.parametrize("expected, actual", [([RECORD], []), ([], [])])
def test_missing_records_are_a_difference(expected, actual):
    counts = f"API: expected {len(expected)} records, got 0"
    with pytest.raises(InputError, match=counts):
        light.compare("x", {"API": expected}, {"API": actual})


def test_a_python_that_is_not_here_is_left_out(capsys):
    assert exit_code_of(lambda: light.main(["--pythons", "3.99"])) == 1
    printed = capsys.readouterr()
    assert printed.out == "Python 3.99: not on this machine\n"
    assert printed.err == "error: expected one of Python 3.99, found none\n"


def test_a_failing_command_is_one_line(tmp_path):
    with pytest.raises(InputError, match="exit code 1: ZeroDivisionError") as caught:
        light.call([sys.executable, "-c", "1 / 0"], tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_all_that_is_run_gives_records_that_equal_themselves(tmp_path):
    light.write_inputs(tmp_path)
    found = light.results(sys.executable, tmp_path, tmp_path / "out", "none")
    assert {name: len(records) for name, records in found.items()} == {
        "photo": 1,
        "folder": 2,
        "video": 4,
        "API": 2,
        "preprocess": 2,
    }
    assert found["photo"][0]["age"] == found["folder"][0]["age"] == found["API"][0]["age"]
    light.compare("here", found, found)
