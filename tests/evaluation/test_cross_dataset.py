"""Lists and models beside each other, with numbers worked out by hand."""

import json
import shutil

import cv2
import numpy as np
import pytest

from age_gender_estimation.evaluation.cross_dataset import (
    by_list,
    cross_figure,
    cross_report,
    cross_table,
)


def entry(value, low, high, n=100):
    return {"value": value, "low": low, "high": high, "n": n}


def ages(mae, coverage):
    of_age = {"mae": entry(mae, mae - 1, mae + 1), "rmse": entry(mae + 2, mae, mae + 3)}
    interval = {"coverage": entry(coverage, coverage - 0.05, coverage + 0.05), "width": 13.0}
    return {"age": {**of_age, "best_constant_mae": 15.0, "interval": interval, "by": {}}}


RANGES = {
    "age_range": {"years_outside": entry(2.5, 2.25, 2.75), "right_range": entry(0.6, 0.5, 0.7)}
}
GENDER = {"gender": {"accuracy": entry(0.954, 0.93, 0.97), "ece": 0.1}}
MODELS = {
    "new": {"home.csv": {**ages(4.0, 0.8), **GENDER}, "away.csv": RANGES},
    "old": {"home.csv": ages(5.5, 0.62), "away.csv": {}},
}


def test_the_table_has_models_under_each_other_and_a_dash_for_what_is_missing():
    lines = cross_table(MODELS).splitlines()
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == [
        "measure",
        "model",
        "home.csv",
        "away.csv",
    ]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[2:]]
    assert rows == [
        ["age MAE, years", "new", "4.00 (3.00 - 5.00)", "-"],
        ["age MAE, years", "old", "5.50 (4.50 - 6.50)", "-"],
        ["age RMSE, years", "new", "6.00 (4.00 - 7.00)", "-"],
        ["age RMSE, years", "old", "7.50 (5.50 - 8.50)", "-"],
        ["true age in the 80% interval", "new", "80.0% (75.0 - 85.0)", "-"],
        ["true age in the 80% interval", "old", "62.0% (57.0 - 67.0)", "-"],
        ["age, years outside the range", "new", "-", "2.50 (2.25 - 2.75)"],
        ["age, years outside the range", "old", "-", "-"],
        ["right range", "new", "-", "60.0% (50.0 - 70.0)"],
        ["right range", "old", "-", "-"],
        ["gender accuracy", "new", "95.40% (93.00 - 97.00)", "-"],
        ["gender accuracy", "old", "-", "-"],
    ]


def test_one_model_needs_no_column_for_its_name():
    first = cross_table({"new": MODELS["new"]}).splitlines()[2]
    assert first.split("|")[1].strip() == "age MAE, years" and "new" not in first


def test_json_has_the_same_numbers_and_null():
    report = json.loads(json.dumps(cross_report(MODELS)))
    assert report["age MAE, years"]["home.csv"]["old"] == entry(5.5, 4.5, 6.5)
    assert report["right range"]["away.csv"] == {"new": entry(0.6, 0.5, 0.7), "old": None}


def test_a_report_of_one_list_is_that_list():
    assert by_list(GENDER, ["a.csv"]) == {"a.csv": GENDER}
    assert by_list({**GENDER, "sources": MODELS["new"]}, ["x", "y"]) == MODELS["new"]


def test_the_figure_has_a_panel_per_measure_and_a_mark_per_list_and_model():
    figure = cross_figure(MODELS)
    panels = [axis for axis in figure.axes if axis.axison]
    titles = [axis.get_title() for axis in panels]
    assert titles[0] == "age MAE, years" and titles[2] == "true age in the 80% interval, %"
    assert len(titles) == 6
    new, old = (container[0].get_xdata() for container in panels[2].containers)
    assert np.array_equal(new, [80, np.nan], equal_nan=True)
    assert np.array_equal(old, [62, np.nan], equal_nan=True)
    bottom, top = panels[0].get_ylim()
    assert bottom > top  # the first list is the highest
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["new", "old"]


@pytest.fixture(scope="module")
def ranges_list(crops, tmp_path_factory):
    """A list of the drawn validation crops, labelled with ranges of ten years."""
    path = tmp_path_factory.mktemp("ranges") / "ranges.csv"
    header, *lines = (crops / "val.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    for row in rows:
        if row[1]:
            first = int(row[1]) // 10 * 10
            row[1] = f"{first}-{first + 9}"
    path.write_text("\n".join([header, *map(",".join, rows)]) + "\n")
    return path


def test_two_models_over_two_lists_each_once(script, trained, crops, ranges_list, tmp_path):
    shutil.copytree(trained[0], tmp_path / "older")
    arguments = ["--csv", crops / "val.csv", ranges_list, "--img-dir", crops / "crop"]
    models = ["--model-dir", trained[0], "--compare", tmp_path / "older"]
    out = ["--output-dir", tmp_path / "out", "--model-card", tmp_path / "CARD.md"]
    done = script("evaluate.py", *models, *arguments, *out)
    table = (tmp_path / "out/cross_dataset.md").read_text()
    assert table in done.stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    assert rows[0][1:-1] == ["measure", "model", "val.csv", "ranges.csv"]
    # Equal models have equal numbers.
    [first, second] = [row for row in rows if row[1:2] == ["age, years outside the range"]]
    assert first[2:3] == ["model"] and second[2:3] == ["older"] and first[3:] == second[3:]
    assert first[3] == "-" and first[4] != "-"
    assert "all rows, which flatters where they chose or calibrated the model, of val.csv" in table
    measures = json.loads((tmp_path / "out/cross_dataset.json").read_text())["measures"]
    report = json.loads((tmp_path / "out/evaluation.json").read_text())
    mae = measures["age MAE, years"]["val.csv"]["model"]
    assert mae == report["sources"]["val.csv"]["age"]["mae"]
    assert cv2.imread(str(tmp_path / "out/cross_dataset.png")).std() > 5
    card = (tmp_path / "CARD.md").read_text()
    assert "\n| measure " in card and "80% interval meets the range" in card


def test_a_model_is_not_compared_with_itself(script, trained, crops, tmp_path):
    arguments = ["--csv", crops / "val.csv", "--img-dir", crops / "crop"]
    models = ["--model-dir", trained[0], "--compare", f"{trained[0]}/"]
    done = script("evaluate.py", *models, *arguments, check=False)
    assert done.returncode == 2 and "expected another model than --model-dir" in done.stderr
