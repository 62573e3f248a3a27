import csv
import io
import json
import os
import pathlib

import jsonschema
import pytest

from age_gender_estimation.predict import output
from age_gender_estimation.predict.output import FIELDS, show_labels, write_records
from age_gender_estimation.predict.records import FaceRecord
from age_gender_estimation.tasks.age_labels import age_label
from age_gender_estimation.tasks.labels import LABELS

SCHEMA = json.loads(pathlib.Path(output.__file__).with_name("records.schema.json").read_text())

FACE = FaceRecord(
    "a, b.jpg",
    0,
    (93, 33, 30, 38),
    45.6,
    age_median=44.0,
    age_low=39,
    age_high=53,
    probability_under_18=0.00012,
    classes={"gender": 1, "race": 2},
    confidences={"gender": 0.9, "race": 0.7},
    detection_confidence=0.98765,
    landmarks=((100.04, 45.26), (115.0, 45.0), (108.0, 52.0), (101.0, 60.0), (114.0, -60.0)),
    rotation=90,
)
WHOLE = FaceRecord("b.jpg", 0, None, 46.4, classes={"gender": 1}, confidences={"gender": 0.8})
GROUP = FaceRecord(
    "c.jpg",
    0,
    age_group="27-52",
    classes={"gender": 1},
    confidences={"gender": 0.8, "age_group": 0.61},
)
NONE = FaceRecord("line\nbreak.jpg", error="no face found")
FRAME = FaceRecord(
    "clip.mp4",
    1,
    (1, 2, 3, 4),
    30.0,
    classes={"gender": "unknown"},
    confidences={"gender": 0.5},
    frame=12,
)


def written(pairs, style, with_names=False):
    pieces = []
    counts = write_records(iter(pairs), style, with_names, pieces.append)
    return "".join(pieces), counts


@pytest.mark.parametrize(
    "labels, expected",
    [
        ({"age": 46, "gender": 1}, "M/46"),
        ({"age": 3, "gender": 0, "race": 2}, "F/3 Asian"),
        ({"age": 9}, "9"),
        ({"race": 0}, "White"),
        ({"age": None, "gender": 0}, "F"),
        ({}, ""),
    ],
)
def test_labels_as_people_read_them(labels, expected):
    assert show_labels(labels) == expected


def test_text_is_the_line_of_the_article():
    assert written([(WHOLE, {"age": 46, "gender": 1})], "text") == (
        "Predicted: M/46 Actual: M/46\n",
        (1, 0),
    )


def test_a_range_of_years_is_shown_as_such():
    assert (
        written([(GROUP, {"age": 46, "gender": 1})], "text")[0]
        == "Predicted: M/27-52 Actual: M/46\n"
    )
    record = json.loads(written([(GROUP, None)], "json")[0])[0]
    assert (record["age"], record["age_group"], record["age_group_confidence"]) == (
        None,
        "27-52",
        0.61,
    )


def test_text_of_several_photos_names_them_and_keeps_to_one_line_each():
    text, counts = written([(FACE, None), (NONE, None)], "text", with_names=True)
    assert text.splitlines() == [
        "a, b.jpg: Predicted: M/46 [39-53] Asian 0.70 Box: 93,33,30,38",
        "line\\nbreak.jpg: no face found",
    ]
    assert counts == (1, 1)


def test_json_and_csv_hold_the_same_records():
    pairs = [(FACE, {"age": 40, "gender": 0, "race": None}), (NONE, None)]
    first, second = json.loads(written(pairs, "json")[0])
    assert tuple(first) == FIELDS
    assert (
        first["gender"] == "male"
        and first["race"] == "Asian"
        and first["age"] == 45.6
        and first["left"] == 93
    )
    assert first["age_median"] == 44.0 and first["age_group"] is None
    assert (first["age_low"], first["age_high"], first["probability_under_18"]) == (39, 53, 0.0001)
    assert (
        first["actual_age"] == 40
        and first["actual_gender"] == "female"
        and first["actual_race"] is None
    )
    assert (first["detection_confidence"], first["rotation"]) == (0.9877, 90)
    assert first["landmarks"][0] == [100.0, 45.3] and len(first["landmarks"]) == 5
    assert second["error"] == "no face found" and second["age"] is None
    assert second["detection_confidence"] is second["landmarks"] is second["rotation"] is None
    rows = list(csv.DictReader(io.StringIO(written(pairs, "csv")[0], newline="")))
    assert rows == [
        {name: "" if value is None else str(value) for name, value in record.items()}
        for record in (first, second)
    ]


def test_a_line_of_a_video_says_which_frame():
    nobody = FaceRecord("clip.mp4", error="no face found", frame=13)
    text, _ = written([(FRAME, None), (nobody, None)], "text")
    assert text.splitlines() == [
        "clip.mp4 frame 12: Predicted: unknown/30 Box: 1,2,3,4",
        "clip.mp4 frame 13: no face found",
    ]


def test_the_schema_has_the_fields_in_their_order_and_the_names_of_the_classes():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    fields = SCHEMA["items"]["properties"]
    assert tuple(fields) == FIELDS and SCHEMA["items"]["required"] == list(FIELDS)
    for name in ("gender", "race"):
        assert fields[name]["enum"] == [*LABELS[name].class_names, "unknown", None]
        assert fields[f"actual_{name}"]["enum"] == [*LABELS[name].class_names, None]
    assert fields["actual_age"]["maximum"] == LABELS["age"].highest


def test_every_kind_of_record_fits_the_schema():
    pairs = [
        (FACE, {"age": 40, "gender": 0, "race": None}),
        (WHOLE, {"age": 3}),
        (GROUP, None),
        (NONE, None),
        (FRAME, None),
    ]
    records = json.loads(written(pairs, "json")[0])
    jsonschema.validate(records, SCHEMA)
    assert [record["frame"] for record in records] == [None] * 4 + [12]
    broken = (
        {"face": None},
        {"error": "no"},
        {"gender": "M"},
        {"left": -1},
        {"age": "46"},
        {"frame": 1.5},
        {"rotation": 45},
        {"detection_confidence": 1.1},
        {"landmarks": [[1, 2]] * 4},
        {"more": 1},
    )
    for change in broken:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate([{**records[0], **change}], SCHEMA)


def test_nothing_is_a_valid_array():
    assert json.loads(written([], "json")[0]) == []


NAMES = [
    "x.jpg",
    "\u6f22 \u00e4.jpg",
    os.fsdecode(b"caf\xe9.jpg"),
    "\x1b[2J\n.jpg",
    "\x9b2J\u202egpj.jpg",
    "=cmd|\"' /c calc'!A1.jpg",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_moves_the_cursor_or_makes_an_invalid_file(name):
    for style in ("text", "json"):
        pieces = []
        write_records([(FaceRecord(name, error="no face found"), None)], style, True, pieces.append)
        text = "".join(pieces)
        assert text.replace("\n", "").isprintable() and text.count("\n") == (
            1 if style == "text" else 3
        )
        text.encode()
        if style == "json":
            assert json.loads(text)[0]["file"] == name


@pytest.mark.parametrize("name", NAMES)
def test_csv_keeps_every_name_as_it_is(name):
    pieces = []
    write_records([(FaceRecord(name, error="no face found"), None)], "csv", True, pieces.append)
    (row,) = csv.DictReader(io.StringIO("".join(pieces), newline=""))
    assert row["file"] == name


def test_a_true_age_may_be_a_range():
    pair = (WHOLE, {"age": age_label(25, 32), "gender": 1})
    assert written([pair], "text")[0] == "Predicted: M/46 Actual: M/25-32\n"
    [record] = json.loads(written([pair], "json")[0])
    assert record["actual_age"] == "25-32"
    jsonschema.validate([record], SCHEMA)
    row = next(csv.DictReader(io.StringIO(written([pair], "csv")[0])))
    assert row["actual_age"] == "25-32"
    record["actual_age"] = "twenty"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate([record], SCHEMA)


def test_a_cell_of_a_csv_holds_the_json_of_the_landmarks():
    row = next(csv.DictReader(io.StringIO(written([(FACE, None)], "csv")[0])))
    record = json.loads(written([(FACE, None)], "json")[0])[0]
    assert json.loads(row["landmarks"]) == record["landmarks"]
