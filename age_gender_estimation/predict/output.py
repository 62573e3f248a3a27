"""How predictions are written: as text, JSON or CSV, one record per face.

Every task of LABELS appears by itself; only gender and age are joined, as `M/46`.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from age_gender_estimation.predict.records import UNKNOWN, FaceRecord
from age_gender_estimation.storage.error_text import printable
from age_gender_estimation.storage.files import csv_line
from age_gender_estimation.tasks.labels import LABELS

BOX = ("left", "top", "width", "height")
FIELDS = (
    "file",
    "face",
    *BOX,
    "age",
    "age_median",
    "age_low",
    "age_high",
    "probability_under_18",
    "age_group",
    "age_group_confidence",
    *(name + ending for name in LABELS if name != "age" for ending in ("", "_confidence")),
    *(f"actual_{name}" for name in LABELS),
    "error",
    "frame",
    "detection_confidence",
    "landmarks",
    "rotation",
)
DIGITS = {
    "age": 2,
    "age_median": 2,
    "age_low": 0,
    "age_high": 0,
    "probability_under_18": 4,
    "detection_confidence": 4,
}
Labels = Mapping[str, Any]  # {task: class number, years, range of years, UNKNOWN or None}


def show_labels(labels: Labels) -> str:
    """Returns labels as people read them: `M/46`, `F/34 Asian`, `unknown/34`; {} gives ''."""
    gender_and_age, others = _texts(labels)
    return " ".join(filter(None, [gender_and_age, *others.values()]))


def show_prediction(record: FaceRecord) -> str:
    """Returns a prediction as people read it: `F/34 [27-42] Asian 0.81`.

    The interval follows the age, and the confidence follows every task but gender and age.
    """
    gender_and_age, others = _texts(record.labels())
    parts = [gender_and_age]
    if record.age_low is not None:
        parts.append(f"[{record.age_low}-{record.age_high}]")
    for name, text in others.items():
        parts.append(text if text == UNKNOWN else f"{text} {record.confidences[name]:.2f}")
    return " ".join(filter(None, parts))


def _texts(labels):
    """Returns (`M/46`, {task: text} of the other tasks that have a value)."""
    texts = {
        name: value if isinstance(value, str) else label.show(value)
        for name, label in LABELS.items()
        if (value := labels.get(name)) is not None
    }
    return "/".join(texts.pop(name) for name in ("gender", "age") if name in texts), texts


def as_text(record: FaceRecord, actual: Labels | None, with_name: bool) -> str:
    """Returns the line of a record: `Predicted: M/46 [39-53] Box: 93,33,30,38 Actual: M/46`.

    The file's name comes first if asked for, in errors, and for the frames of videos.
    """
    # A name may hold line breaks; a record stays one line.
    name = printable(record.file)
    name += ": " if record.frame is None else f" frame {record.frame}: "
    if record.error:
        return name + record.error
    parts = [f"Predicted: {show_prediction(record)}"]
    if record.box:
        parts.append("Box: " + ",".join(map(str, record.box)))
    if actual and show_labels(actual):
        parts.append(f"Actual: {show_labels(actual)}")
    return (name if with_name or record.frame is not None else "") + " ".join(parts)


def as_dict(record: FaceRecord, actual: Labels | None) -> dict[str, Any]:
    """Returns a record as {field: value} with the keys FIELDS; None where there is no value."""
    values: dict[str, Any] = dict.fromkeys(FIELDS)
    values.update(
        file=record.file, face=record.face, error=record.error or None, frame=record.frame
    )
    values.update(zip(BOX, record.box or ()), rotation=record.rotation)
    if record.landmarks is not None:
        values["landmarks"] = [[round(x, 1), round(y, 1)] for x, y in record.landmarks]
    for name, digits in DIGITS.items():
        if getattr(record, name) is not None:
            values[name] = round(getattr(record, name), digits or None)
    values["age_group"] = record.age_group
    for name, value in record.classes.items():
        values[name] = value if isinstance(value, str) else LABELS[name].class_names[value]
    for name, confidence in record.confidences.items():
        values[f"{name}_confidence"] = round(confidence, 4)
    for name, value in (actual or {}).items():
        if value is not None:
            values[f"actual_{name}"] = LABELS[name].name_of(value)
    return values


def write_records(
    pairs: Iterable[tuple[FaceRecord, Labels | None]],
    style: str,
    with_names: bool,
    write: Callable[[str], Any],
    with_header: bool = True,
) -> tuple[int, int]:
    """Writes records as they come.

    Args:
      pairs: FaceRecords, each with its true labels {task: int or None}, or None.
      style: "text", "json" (an array) or "csv".
      with_names: whether text lines begin with the file's name.
      write: called with pieces of text.
      with_header: whether CSV begins with the names of FIELDS.

    Returns:
      (number of faces, number of records with an error).
    """
    num_faces = num_errors = 0
    if style == "json":
        write("[")
    elif style == "csv" and with_header:
        write(csv_line(FIELDS))
    for number, (record, actual) in enumerate(pairs):
        if style == "text":
            write(as_text(record, actual, with_names) + "\n")
        elif style == "csv":
            write(csv_line(as_dict(record, actual).values()))
        else:
            write((",\n" if number else "\n") + _json(as_dict(record, actual)))
        num_faces += not record.error
        num_errors += bool(record.error)
    if style == "json":
        write("\n]\n")
    return num_faces, num_errors


def _json(values):
    text = json.dumps(values, ensure_ascii=False)
    # Bytes of a name that are no UTF-8 would make the file invalid; control characters would reach
    # a terminal.
    return text if text.isprintable() else json.dumps(values)
