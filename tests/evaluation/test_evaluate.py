import json
import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from age_gender_estimation.data.manifest import open_manifest
from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.evaluate import evaluate
from age_gender_estimation.evaluation.predictions import Predictions, predict_manifests
from age_gender_estimation.evaluation.tables import report_tables
from age_gender_estimation.tasks.age_groups import group_label
from age_gender_estimation.tasks.labels import LABELS
from tests.conftest import ROOT

NAN = np.nan


def predictions(true, predicted, sources=None, ranges=None, **more):
    labels = {name: LABELS.get(name) or group_label(((1, 26), (27, 52))) for name in predicted}
    true, predicted = (
        {name: np.array(values) for name, values in each.items()} for each in (true, predicted)
    )
    num_faces = len(next(iter(true.values())))
    sources = sources or ["a"] * num_faces
    ranges = np.array(ranges or [(NAN, NAN)] * num_faces, float)
    return Predictions(["a"] * num_faces, true, predicted, labels, sources, ranges, **more)


def test_what_is_not_labelled_counts_nowhere():
    report = evaluate(
        predictions(
            {"age": [20, NAN, 31], "gender": [0, 1, NAN], "race": [NAN] * 3},
            {"age": [23.0, 99.0, 30.0], "gender": [1, 1, 0], "race": [0, 0, 0]},
        )
    )
    assert report["age"]["mae"]["value"] == 2.0 and report["age"]["mae"]["n"] == 2
    assert report["gender"]["accuracy"]["value"] == 0.5 and report["gender"]["confusion"] == [
        [0, 1],
        [0, 1],
    ]
    assert "race" not in report
    assert list(report["age"]["by"]) == ["decade", "gender"]
    assert {name: row["n"] for name, row in report["age"]["by"]["gender"].items()} == {"female": 1}
    json.dumps(report)
    tables = report_tables(report)
    assert "| age MAE, years" in tables and "| 2.00 " in tables and "| 50.00% " in tables


def test_a_csv_without_a_label_that_is_predicted_is_refused():
    with pytest.raises(InputError, match="labels none of what the model predicts: age"):
        evaluate(predictions({"age": [NAN]}, {"age": [3.0]}))


def test_the_median_is_measured_beside_the_mean():
    true = {"age": [20.0, 30.0], "gender": [NAN] * 2, "race": [NAN] * 2}
    ages = {"age_median": np.array([21.0, 33.0]), "age_rank": np.array([0.5, 0.2])}
    report = evaluate(predictions(true, {"age": [25.0, 31.0]}, ages=ages))
    assert report["age"]["mae"]["value"] == 3.0 and report["age"]["median"]["mae"]["value"] == 2.0
    assert "| age MAE of the median, years      | 2.00 " in report_tables(report)


def test_coverage_width_and_calibration_are_overall_and_by_group():
    ages = {
        "age_median": np.array([21.0, 33.0, 9.0, 9.0]),
        "age_low": np.array([20.0, 31.0, 5.0, 9.0]),
        "age_high": np.array([24.0, 35.0, 13.0, 10.0]),
        "age_rank": np.array([0.1, 0.1, 0.5, 0.9]),
        "probability_under_18": np.array([0.1, 0.6, 0.8, 0.9]),
    }
    true = {"age": [20.0, 30.0, 13.0, NAN], "gender": [0, 0, 1, 1], "race": [NAN] * 4}
    answers = {"age": [21.0, 32.0, 9.0, 9.0], "gender": [0, 1, 1, 1]}
    report = evaluate(
        predictions(
            true, answers, ages=ages, confidences={"gender": np.array([0.9, 0.9, 0.7, 0.7])}
        )
    )
    # 20 lies in 20-24 and 13 in 5-13, both at an end; 30 not in 31-35. Widths 5, 5 and 9 whole
    # years.
    assert report["age"]["interval"]["coverage"]["value"] == pytest.approx(2 / 3)
    assert report["age"]["interval"]["width"] == pytest.approx(19 / 3)
    # Under 18 or not: adult (right), child (wrong, is 30), child (right); gaps 0.1, 0.6 and 0.2 in
    # bins of their own
    assert report["age"]["under_18"] == {
        "accuracy": report["age"]["under_18"]["accuracy"],
        "ece": pytest.approx((0.1 + 0.6 + 0.2) / 3),
        "children": 1,
    }
    assert report["age"]["under_18"]["accuracy"]["value"] == pytest.approx(2 / 3)
    decades = report["age"]["by"]["decade"]
    assert list(decades) == ["10-19", "20-29", "30-39"]
    assert (
        decades["30-39"]["interval"]["coverage"]["value"] == 0.0 and decades["30-39"]["bias"] == 2.0
    )
    assert report["age"]["by"]["gender"]["female"]["rmse"] == pytest.approx(np.sqrt((1 + 4) / 2))
    # Gender: at 0.9 one of two right, gap 0.8; at 0.7 both right, gap 0.6.
    assert report["gender"]["ece"] == pytest.approx((0.8 + 0.6) / 4)
    assert report["gender"]["by"]["gender"]["female"]["accuracy"]["value"] == 0.5
    assert report["gender"]["by"]["gender"]["male"]["ece"] == pytest.approx(0.3)
    tables = report_tables(report)
    assert "| true age in the 80% interval             | 66.7% " in tables
    assert "| by gender | faces | age MAE |" in tables


def test_groups_are_classes_with_a_confusion_matrix():
    true = {"age": [20, 30, 60], "gender": [NAN] * 3, "race": [NAN] * 3, "age_group": [0, 1, NAN]}
    report = evaluate(predictions(true, {"age_group": [0, 0, 0]}))
    assert report["age_group"]["accuracy"] == {"value": 0.5, "low": 0.0, "high": 1.0, "n": 2}
    assert report["age_group"]["confusion"] == [[1, 0], [1, 0]] and "age" not in report
    assert "| true age_group \\ predicted | 1-26 | 27-52 |" in report_tables(report)


def test_each_source_has_its_own_metrics_beside_the_overall_ones():
    true = {"age": [20.0, 30.0, 40.0], "gender": [0, NAN, NAN], "race": [NAN] * 3}
    answers = {"age": [21.0, 33.0, 45.0], "gender": [0, 0, 0]}
    report = evaluate(predictions(true, answers, sources=["one.csv", "two.csv", "two.csv"]))
    assert report["age"]["mae"]["value"] == 3.0  # (1 + 3 + 5) / 3
    assert report["sources"]["one.csv"]["age"]["mae"]["value"] == 1.0
    assert report["sources"]["two.csv"]["age"]["mae"]["value"] == 4.0
    assert (
        "gender" not in report["sources"]["two.csv"]
        and report["sources"]["one.csv"]["gender"]["accuracy"]["n"] == 1
    )
    assert "| metric in two.csv " in report_tables(report)


def test_script_writes_tables_json_and_a_picture(script, trained, crops, tmp_path):
    done = script(
        "evaluate.py",
        "--model-dir",
        trained[0],
        "--csv",
        crops / "val.csv",
        "--img-dir",
        crops / "crop",
        "--output-dir",
        tmp_path / "report",
    )
    report = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    assert f"| {report['age']['mae']['value']:.2f}" in done.stdout
    assert sum(map(sum, report["gender"]["confusion"])) == report["rows"]
    picture = cv2.imread(str(tmp_path / "report" / "evaluation.png"))
    assert picture.shape[1] > 1000 and picture.std() > 10


def test_faces_above_the_highest_answer_count_where_no_years_are_answered(tmp_path):
    """A model of gender alone has max_age 100 from its defaults, which says nothing about whom it
    may be measured on."""

    class Genders:
        labels, max_age, age_groups = {"gender": LABELS["gender"]}, 100, None

        def predict_bytes(self, pictures):
            return {"gender_probabilities": np.tile([1.0, 0.0], (len(pictures), 1))}

        def predictions(self, outputs):
            return {"gender": (np.zeros(2), np.ones(2))}

    (tmp_path / "m.csv").write_text("filename,age,gender\na.jpg,70,0\nb.jpg,110,1\n")
    for name in "ab":
        (tmp_path / f"{name}.jpg").touch()
    found = predict_manifests(Genders(), [open_manifest(tmp_path / "m.csv", tmp_path)])
    assert found.true["age"].tolist() == [70, 110]
    assert set(evaluate(found)["gender"]["by"]["decade"]) == {"70-79", "110-119"}


FOURTH_TASK = """
from age_gender_estimation.tasks.labels import LABELS, Label

LABELS["glasses"] = Label("glasses", 1, ("no", "yes"), ("no glasses", "glasses"))

import numpy as np

from age_gender_estimation.data.manifest import open_manifest
from age_gender_estimation.data_report.counts import report_data
from age_gender_estimation.data_report.listed_images import read_images
from age_gender_estimation.data_report.page import data_page
from age_gender_estimation.evaluation.evaluate import evaluate
from age_gender_estimation.evaluation.predictions import predict_manifests
from age_gender_estimation.evaluation.tables import report_tables


class Predictor:
    labels, max_age, age_groups = {"age": LABELS["age"], "glasses": LABELS["glasses"]}, 100, None

    def predict_bytes(self, images):
        return {}

    def predictions(self, outputs):
        return {"age": (np.array([40.0, 50.0]), None), "glasses": (np.ones(2), np.ones(2))}


manifest = open_manifest("m.csv", ".")
print(report_tables(evaluate(predict_manifests(Predictor(), [manifest]))))
images = read_images([manifest])
report = report_data(images)
print(report["total"]["labelled"], report["total"]["glasses"])
print(data_page(report, images))
"""


def test_a_fourth_task_is_measured_and_counted(tmp_path):
    (tmp_path / "m.csv").write_text("filename,age,glasses\na.jpg,40,Yes\nb.jpg,52,no\n")
    for name in "ab":
        (tmp_path / f"{name}.jpg").touch()
    done = subprocess.run(
        [sys.executable, "-c", FOURTH_TASK],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"glasses accuracy +\| 50.00% ", done.stdout)
    assert re.search(r"\| by glasses +\| faces \| age MAE ", done.stdout)
    assert "| yes " in done.stdout and "true glasses \\ predicted" in done.stdout
    counts = "'race': 0, 'glasses': 2} {'no': 1, 'yes': 1, 'unlabelled': 0}"
    assert counts in done.stdout and ">Gender, race and glasses<" in done.stdout
    assert "<th class=number>yes</th>" in done.stdout
