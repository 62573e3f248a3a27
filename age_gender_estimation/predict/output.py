"""How predictions are written: as text, JSON or CSV, one record per face."""

import json

from age_gender_estimation.predict.photos import UNKNOWN
from age_gender_estimation.storage.error_text import printable
from age_gender_estimation.storage.files import csv_line
from age_gender_estimation.tasks.labels import LABELS

FIELDS = (
    "file",
    "face",
    "left",
    "top",
    "width",
    "height",
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
)


def show_labels(labels):
    """Returns labels as people read them: `M/46`, `F/34 Asian`, `unknown/34`; {} gives ''."""
    texts = {
        name: value if value == UNKNOWN else LABELS[name].show(value)
        for name, value in labels.items()
        if value is not None
    }
    sex_and_age = "/".join(texts[name] for name in ("gender", "age") if name in texts)
    return " ".join(part for part in (sex_and_age, texts.get("race")) if part)


def show_answer(record):
    """Returns what is said of a face: `F/34 [27-42] Asian 0.81`, the age with its interval, the race's confidence last."""
    labels = record.labels()
    race = {"race": labels.pop("race")} if "race" in labels else {}
    parts = [show_labels(labels)]
    if record.age_low is not None:
        parts.append(f"[{record.age_low}-{record.age_high}]")
    if race:
        parts.append(show_labels(race))
        if race["race"] != UNKNOWN:
            parts.append(f"{record.confidences['race']:.2f}")
    return " ".join(part for part in parts if part)


def as_text(record, actual, with_name):
    """Returns the line of a record: `Predicted: M/46 [39-53] Box: 93,33,30,38 Actual: M/46`.

    The file's name comes first if asked, and with errors and the frames of videos.
    """
    # A name may hold line breaks; one record stays one line.
    name = printable(record.file)
    name += ": " if record.frame is None else f" frame {record.frame}: "
    if record.error:
        return name + record.error
    parts = [f"Predicted: {show_answer(record)}"]
    if record.box:
        parts.append("Box: " + ",".join(str(value) for value in record.box))
    if actual and show_labels(actual):
        parts.append(f"Actual: {show_labels(actual)}")
    return (name if with_name or record.frame is not None else "") + " ".join(parts)


def as_dict(record, actual):
    """Returns a record with the keys FIELDS; None where there is nothing to say."""
    values = dict.fromkeys(FIELDS)
    values.update(
        file=record.file, face=record.face, error=record.error or None, frame=record.frame
    )
    if record.box:
        values.update(zip(("left", "top", "width", "height"), record.box))
    for name, digits in (
        ("age", 2),
        ("age_median", 2),
        ("age_low", 0),
        ("age_high", 0),
        ("probability_under_18", 4),
    ):
        if getattr(record, name) is not None:
            values[name] = round(getattr(record, name), digits or None)
    if record.age_group:
        values.update(
            age_group=record.age_group,
            age_group_confidence=round(record.confidences["age_group"], 4),
        )
    for name, number in record.classes.items():
        values[name] = number if number == UNKNOWN else LABELS[name].class_names[number]
        values[f"{name}_confidence"] = round(record.confidences[name], 4)
    for name, label in (actual or {}).items():
        if label is not None:
            values[f"actual_{name}"] = (
                LABELS[name].class_names[label] if LABELS[name].class_names else label
            )
    return values


def write_records(pairs, style, with_names, write, with_header=True):
    """Writes records as they come.

    Args:
      pairs: iterable of (FaceRecord, its true labels {task: int} or None).
      style: "text", "json" (an array) or "csv".
      with_names: whether text lines begin with the file's name.
      write: called with pieces of text.
      with_header: whether CSV begins with the names of FIELDS.

    Returns:
      (number of faces answered, number of records without an answer).
    """
    num_answers = num_errors = 0
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
        num_answers += not record.error
        num_errors += bool(record.error)
    if style == "json":
        write("\n]\n")
    return num_answers, num_errors


def _json(values):
    text = json.dumps(values, ensure_ascii=False)
    # A name of bytes that are no UTF-8 would make the file invalid, and control letters would reach a terminal.
    return text if text.isprintable() else json.dumps(values)
