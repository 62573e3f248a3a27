"""Predicted ages against ranges, with numbers worked out by hand."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from age_gender_estimation.data.manifest import open_manifest
from age_gender_estimation.evaluation.evaluate import evaluate
from age_gender_estimation.evaluation.figure import draw_ages
from age_gender_estimation.evaluation.predictions import Predictions, predict_manifests
from age_gender_estimation.evaluation.ranges import (
    nearest_class,
    range_classes,
    score_ranges,
    years_from_ranges,
)
from age_gender_estimation.evaluation.tables import report_tables
from age_gender_estimation.tasks.age_groups import group_label
from age_gender_estimation.tasks.labels import LABELS

NAN = np.nan
YEAR = (NAN, NAN)  # in place of a range, where the label is a year


def predictions(predicted, years, ranges, sources=None, **more):
    """Predicted ages of men, with the years and the ranges that they are labelled with."""
    num_faces = len(predicted)
    true = {"age": np.array(years, float), "gender": np.ones(num_faces)}
    true["race"] = np.full(num_faces, NAN)
    return Predictions(
        ["a"] * num_faces,
        true,
        {"age": np.array(predicted, float)},
        {"age": LABELS["age"]},
        sources or ["a.csv"] * num_faces,
        np.array(ranges, float),
        **more,
    )


def test_the_distance_to_a_range_has_a_sign_and_is_0_inside():
    ages = np.array([20.0, 25.0, 30.5, 32.0, 35.5, 40.0])
    assert years_from_ranges(ages, 25, 32).tolist() == [-5, 0, 0, 0, 3.5, 8]


def test_the_classes_of_adience_are_its_published_ranges():
    published = [(0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100)]
    ranges = [group for group in published for _ in range(120)]
    ranges += [(8, 23)] * 3 + [(38, 42)] * 9 + [(27, 32)] * 8 + [(38, 48)] + [YEAR] * 500
    # 981 ranges, so a class has at least 9.81 faces: 38-42 would be one with ten.
    assert range_classes(np.array(ranges)) == published
    # With ten it overlaps 38-43, which is more frequent.
    assert range_classes(np.array([*ranges, (38, 42)])) == published
    # A range that overlaps no other is a class from ten faces on.
    rare = [(54, 58)]
    assert range_classes(np.array(ranges + rare * 9)) == published
    assert (54, 58) in range_classes(np.array(ranges + rare * 10))


def test_ranges_that_share_an_end_do_not_overlap():
    ranges = np.array([(0, 10), (10, 20), (20, 30), (19, 30), (20, 30)], float)
    assert range_classes(ranges) == [(0, 10), (10, 20), (20, 30)]
    assert range_classes(np.full((3, 2), NAN)) == []


def test_the_nearest_class_is_the_younger_of_two_that_are_as_near():
    classes = [(0, 2), (4, 6), (60, 100)]
    ages = np.array([0.0, 2.9, 3.0, 3.1, 32.9, 33.1, 116.0])
    assert nearest_class(ages, classes).tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_ranges_and_years_of_one_list_by_hand():
    ranges = [(0, 2), (0, 2), (4, 6), (4, 6), (8, 12), (5, 7), YEAR]
    ages = {
        "age_median": np.zeros(7),
        "age_rank": np.full(7, 0.5),
        "probability_under_18": np.ones(7),
        "age_low": np.array([0, 3, 6, 7, 3, 2, 9], float),
        "age_high": np.array([4, 9, 8, 9, 8, 9, 12], float),
    }
    found = predictions([1, 9, 5, 8, 6.9, 9, 11], [NAN] * 6 + [10], ranges, ages=ages)
    report = evaluate(found)
    # The year alone: 11 for 10, between 9 and 12.
    assert report["age"]["mae"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert report["age"]["interval"]["coverage"]["value"] == 1.0
    # Ranges: 0, 7, 0, 2, -1.1 and 2 years off.
    entry = report["age_range"]
    assert entry["years_outside"]["value"] == pytest.approx((7 + 2 + 1.1 + 2) / 6)
    assert entry["years_outside"]["n"] == 6 and entry["years_outside"]["low"] < 2
    assert entry["bias"] == pytest.approx((7 + 2 - 1.1 + 2) / 6)
    # 5-7 is no class: it overlaps 4-6, which two faces have. Nearest: 0-2 right, 8-12 (two steps
    # off), 4-6 right, 8-12 for 4-6, 4-6 for 8-12 (0.9 off, against 1.1).
    assert entry["right_range"]["value"] == 2 / 5 and entry["right_range"]["n"] == 5
    assert entry["one_off"]["value"] == 4 / 5
    # 0-4 meets 0-2; 3-9 not; 6-8 meets 4-6 at its end; 7-9 not; 3-8 meets 8-12; 2-9 meets 5-7.
    assert entry["interval_meets"]["value"] == pytest.approx(4 / 6)
    assert entry["interval_meets"]["n"] == 6
    assert list(entry["by"]) == ["range", "gender"]
    assert list(entry["by"]["range"]) == ["0-2", "4-6", "8-12"]
    assert entry["by"]["range"]["0-2"]["years_outside"]["value"] == 3.5
    assert entry["by"]["range"]["8-12"]["right_range"]["value"] == 0.0
    assert list(report["age"]["by"]) == ["decade", "gender"]


def test_each_list_has_its_own_classes():
    # 9 is nearest to 8-12 of a.csv, and to 0-9 of b.csv, where nobody has 8-12.
    ranges = [(8, 12), (0, 2), (0, 9), (10, 19)]
    sources = ["a.csv", "a.csv", "b.csv", "b.csv"]
    report = evaluate(predictions([9, 9, 9, 9], [NAN] * 4, ranges, sources))
    assert report["age_range"]["right_range"]["value"] == 2 / 4
    assert report["age_range"]["one_off"]["value"] == 1.0
    assert report["sources"]["b.csv"]["age_range"]["years_outside"]["value"] == 0.5
    assert list(report["age_range"]["by"]["range"]) == ["0-2", "0-9", "8-12", "10-19"]
    assert "age" not in report


def test_tables_show_ranges_beside_years():
    tables = report_tables(
        evaluate(predictions([1, 5, 30], [NAN, NAN, 27], [(0, 2), (8, 12), YEAR]))
    )
    assert "| age MAE, years               | 3.00   | 3.00 - 3.00" in tables
    assert "| age, years outside the range | 1.50   | 0.00 - 3.00" in tables
    assert "| right range                  | 50.0%  | 0.00 - 100.00" in tables
    assert "| right range or a neighbour   | 100.0% | 100.00 - 100.00 | 2 " in tables
    assert (
        "| by range | faces | years outside the range | 95% interval | bias  | right range "
        in tables
    )
    assert "| 8-12     | 1     | 3.00                    | 3.00 - 3.00  | -3.00 | 0% " in tables
    assert "meets" not in tables  # no intervals are predicted


def test_the_figure_has_a_dot_per_year_and_a_box_per_class():
    found = predictions([1, 5, 6, 30], [NAN, NAN, NAN, 27], [(0, 2), (8, 12), (8, 12), YEAR])
    axis = Figure().subplots()
    draw_ages(axis, found, score_ranges(found))
    [dots, *boxes] = axis.collections
    assert dots.get_offsets().tolist() == [[27, 30]]
    assert [box.get_datalim(axis.transData).x1 for box in boxes] == [2, 12]
    assert axis.get_title() == "1 faces, MAE 3.00 years\n3 faces with ranges, 1.67 years outside"


class Years:
    """A model of years up to 50 that predicts 30 with the interval 28-33."""

    labels, max_age, age_groups = {"age": LABELS["age"]}, 50, None

    def predict_bytes(self, images):
        low, high = ([year] * len(images) for year in (28.0, 33.0))
        return {"age": [30.0] * len(images), "age_low": low, "age_high": high}

    def predictions(self, outputs):
        return {"age": (outputs["age"], None)}


class Groups:
    """A model of 0-9, 10-19 and 20-29 that predicts 10-19."""

    age_groups = ((0, 9), (10, 19), (20, 29))
    labels, max_age = {"age_group": group_label(age_groups)}, 116

    def predict_bytes(self, images):
        return {}

    def predictions(self, outputs):
        return {"age_group": (np.ones(6, int), np.full(6, 0.7))}


def written(folder, ages):
    lines = [f"{number}.jpg,{age},0" for number, age in enumerate(ages)]
    (folder / "m.csv").write_text("\n".join(["filename,age,gender", *lines]) + "\n")
    for number in range(len(ages)):
        (folder / f"{number}.jpg").touch()
    return open_manifest(folder / "m.csv", folder)


def test_years_and_ranges_come_apart_and_those_above_the_model_count_nowhere(tmp_path):
    manifest = written(tmp_path, ["25-32", "40", "45-60", "51-60", "60", ""])
    found = predict_manifests(Years(), [manifest])
    # 45-60 reaches up from ages that the model has.
    assert np.array_equal(found.true["age"], [NAN, 40, NAN, NAN, NAN, NAN], equal_nan=True)
    expected = [(25, 32), YEAR, (45, 60), YEAR, YEAR, YEAR]
    assert np.array_equal(found.ranges, expected, equal_nan=True)


def test_a_range_of_a_model_of_groups_is_right_where_it_holds_the_predicted_group(tmp_path):
    # Within 0-9: wrong. Two whole groups with the predicted one: right. Two without it would be
    # wrong, here 20-29 and nothing else. A range that cuts through 10-19: no label.
    manifest = written(tmp_path, ["3-5", "10-29", "20-29", "5-15", "12", "0-19"])
    found = predict_manifests(Groups(), [manifest])
    assert np.array_equal(found.true["age_group"], [0, 1, 2, NAN, 1, 1], equal_nan=True)
    report = evaluate(found)
    assert report["age_group"]["accuracy"]["value"] == 3 / 5
    assert report["age_group"]["confusion"] == [[0, 1, 0], [0, 3, 0], [0, 1, 0]]
    assert "age_range" not in report
