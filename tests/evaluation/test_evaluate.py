import json

import cv2
import numpy as np
import pytest

from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.evaluate import Predictions, evaluate
from age_gender_estimation.evaluation.tables import report_tables
from age_gender_estimation.tasks.age_groups import group_label
from age_gender_estimation.tasks.labels import LABELS

NAN = np.nan


def predictions(true, predicted, sources=None, **more):
    labels = {name: LABELS.get(name) or group_label(((1, 26), (27, 52))) for name in predicted}
    true, predicted = ({name: np.array(values) for name, values in each.items()} for each in (true, predicted))
    num_faces = len(next(iter(true.values())))
    return Predictions(["a"] * num_faces, true, predicted, labels, sources or ["a"] * num_faces, **more)


def test_what_is_not_labelled_counts_nowhere():
    report = evaluate(
        predictions(
            {"age": [20, NAN, 31], "gender": [0, 1, NAN], "race": [NAN] * 3},
            {"age": [23.0, 99.0, 30.0], "gender": [1, 1, 0], "race": [0, 0, 0]},
        )
    )
    assert report["age"]["mae"]["value"] == 2.0 and report["age"]["mae"]["n"] == 2
    assert report["gender"]["accuracy"]["value"] == 0.5 and report["gender"]["confusion"] == [[0, 1], [0, 1]]
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
    report = evaluate(
        predictions({"age": [20.0, 30.0], "gender": [NAN] * 2, "race": [NAN] * 2}, {"age": [25.0, 31.0]},
                    age_median=np.array([21.0, 33.0]))
    )  # fmt: skip
    assert report["age"]["mae"]["value"] == 3.0 and report["age"]["median"]["mae"]["value"] == 2.0
    assert "| age MAE of the median, years  | 2.00 " in report_tables(report)


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
    assert "gender" not in report["sources"]["two.csv"] and report["sources"]["one.csv"]["gender"]["accuracy"]["n"] == 1
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
