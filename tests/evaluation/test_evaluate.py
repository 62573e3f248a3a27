import json

import cv2
import numpy as np
import pytest

from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.evaluate import Predictions, evaluate
from age_gender_estimation.evaluation.tables import report_tables

NAN = np.nan


def test_what_is_not_labelled_counts_nowhere():
    report = evaluate(
        Predictions(
            ["a", "b", "c"],
            {"age": np.array([20, NAN, 31]), "gender": np.array([0, 1, NAN]), "race": np.array([NAN] * 3)},
            {"age": np.array([23.0, 99.0, 30.0]), "gender": np.array([1, 1, 0]), "race": np.array([0, 0, 0])},
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
        evaluate(Predictions(["a"], {"age": np.array([NAN])}, {"age": np.array([3.0])}))


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
