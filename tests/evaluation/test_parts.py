import numpy as np
import pytest

from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.parts import (
    ALL_ROWS,
    OTHER_LIST,
    REPORTING,
    TRAINED,
    choose_rows,
    require_calibration,
    rows_text,
)
from age_gender_estimation.tasks.labels import LABELS

NEW = {
    "data": [{"file": "train.csv", "sha256": "train"}],
    "calibration": {"num_faces": 100, "sha256": {"val.csv": "val"}},
}
OLD = {"data": [{"file": "train.csv", "rows": 9}], "calibration": {"labels": {"age": 100}}}


def listing(name, num_rows=300):
    labels = {task: np.zeros(num_rows, np.int16) for task in LABELS}
    rows = np.arange(num_rows, dtype=np.int32)
    return Manifest(f"{name}.csv", "", ",", (), ["x"] * num_rows, labels, rows, (), name)


def test_a_list_that_calibrated_is_cut_to_its_third_and_others_are_whole():
    lists = [listing("val"), listing("abroad"), listing("short", 299), listing("train")]
    chosen, parts = choose_rows(lists, [NEW])
    assert [manifest.num_rows for manifest in chosen] == [100, 300, 299, 300]
    assert chosen[0].rows[0] == 200
    # A list of 299 rows may have chosen the model with all of them.
    assert parts == [REPORTING, OTHER_LIST, ALL_ROWS, TRAINED]


def test_two_models_get_the_rows_that_made_neither_and_an_old_export_does_not_know():
    lists = [listing("val"), listing("abroad")]
    chosen, parts = choose_rows(lists, [OLD, NEW])
    assert [manifest.num_rows for manifest in chosen] == [100, 300]
    assert parts == [REPORTING, ALL_ROWS]


def test_what_was_measured_is_said_by_part():
    lists = [listing("a"), listing("b", 7), listing("c", 3)]
    assert rows_text(lists, ["all rows", "a third", "all rows"]) == (
        "310 faces, all rows of a.csv, c.csv; a third of b.csv"
    )


def test_an_export_without_calibration_has_no_part_to_report_on():
    require_calibration("m", OLD)
    with pytest.raises(InputError, match="--reporting-part: m was not calibrated"):
        require_calibration("m", {"calibration": {"labels": {}, "num_faces": 0}})
