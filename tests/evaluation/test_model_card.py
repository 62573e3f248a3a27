import dataclasses

import pytest

from age_gender_estimation.evaluation.failures import known_failures
from age_gender_estimation.evaluation.model_card import model_card
from age_gender_estimation.training.hparams import HParams

CONFUSION = [[28, 2], [12, 18]]


def report():
    """30 women, 2 of them taken for men, and 30 men, 12 of them taken for women; ages by decade."""

    def share(value, n):
        return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": n}

    def ages(mae, bias, n):
        return {**share(mae, n), "bias": bias, "rmse": mae}

    decades = {
        "0-9": ages(3.0, 2.5, 40),
        "10-19": ages(5.0, 1.9, 40),
        "80-89": ages(9.0, -7.0, 20),
        "90-99": ages(20, -20, 19),
    }
    errors = {
        "mae": share(5.0, 119),
        "rmse": share(6.0, 119),
        "cs5": share(0.6, 119),
        "best_constant_mae": 15.0,
    }
    by_gender = {"female": {"accuracy": share(28 / 30, 30)}, "male": {"accuracy": share(0.6, 30)}}
    return {
        "age": {**errors, "by": {"decade": decades}},
        "gender": {
            "accuracy": share(46 / 60, 60),
            "classes": ["female", "male"],
            "confusion": CONFUSION,
            "by": {"gender": by_gender},
        },
    }


def test_failures_are_the_biased_ages_the_worse_groups_and_the_mistaken_classes():
    assert known_failures(report()) == [
        "decade 0-9: taken for 2.5 years too old in the mean, "
        "age MAE 3.0 against 5.0 of all (40 faces)",
        "decade 80-89: taken for 7.0 years too young in the mean, "
        "age MAE 9.0 against 5.0 of all (20 faces)",
        "gender male: gender right in 60.0%, against 76.7% of all (30 faces)",
        "gender male: 12 of 30 are taken for female",
    ]


def test_a_report_without_groups_says_that_nothing_was_looked_at():
    assert known_failures({"gender": {"accuracy": {"value": 0.5, "n": 4}}}) == [
        "Nothing stands out in groups of at least 20 faces; smaller groups were not looked at."
    ]


def test_the_card_of_a_real_export(script, trained, crops, tmp_path):
    arguments = ["--model-dir", trained[0], "--csv", crops / "val.csv", "--img-dir", crops / "crop"]
    done = script(
        "evaluate.py", *arguments, "--output-dir", tmp_path, "--model-card", tmp_path / "CARD.md"
    )
    card = (tmp_path / "CARD.md").read_text()
    assert done.stdout.splitlines()[-1] == f"written: {tmp_path}/CARD.md"
    for heading in (
        "Model",
        "Training data",
        "Measured",
        "Calibration",
        "Known failures",
        "Intended use",
        "Licences",
    ):
        assert f"\n## {heading}\n" in card
    for line in done.stdout.splitlines():
        if line.startswith("| age MAE, years"):
            assert line in card
    assert "| backbone " in card and "`img_size=32`" in card and "random weights" in card
    assert "Not calibrated" in card and str(tmp_path) not in card


@pytest.mark.parametrize(
    "calibration, expected",
    [
        ({}, "Not calibrated"),
        (
            {"temperatures": {"age": 1.25}, "labels": {"age": 700}, "interval_mass": 0.714},
            "age 1.250 (700 faces). The 80% age interval holds 71.4% of the predicted distribution",
        ),
    ],
)
def test_what_was_calibrated_is_said(calibration, expected):
    description = {
        "backbone": "cnn",
        "img_size": 32,
        "tasks": {"gender": {"classes": ["female", "male"]}},
        "data": [],
        "geometry": {"name": "utkface"},
        "validation": {"step": 3},
        "calibration": calibration,
        "hparams": {"weights": "w.npz", "batch_size": 64, "head_units": [256]},
    }
    card = model_card(
        description,
        report(),
        {"a.csv": report()},
        "60 faces",
        7_340_000,
        dataclasses.asdict(HParams()),
    )
    assert expected in card and "7.3 MB" in card and "w.npz" in card
    assert "`batch_size=64` `head_units=256`" in card


def test_a_range_fails_by_its_years_outside():
    def outside(value, bias, n):
        return {"years_outside": {"value": value, "n": n}, "bias": bias}

    by = {"range": {"0-2": outside(1.0, 0.5, 50), "60-100": outside(5.0, -5.0, 30)}}
    entry = {"years_outside": {"value": 2.5, "n": 80}, "by": by}
    assert known_failures({"age_range": entry}) == [
        "range 60-100: taken for 5.0 years too young in the mean, "
        "age 5.0 years outside the range against 2.5 of all (30 faces)"
    ]
