"""A face as FaceAnalyzer returns it: a FaceRecord with the names of the classes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from age_gender_estimation.predict.output import as_dict
from age_gender_estimation.predict.records import FaceRecord
from age_gender_estimation.tasks.labels import LABELS


@dataclass(frozen=True, eq=False)
class AnalyzedFace:
    """What is predicted of one face. A value that the model does not predict is None.

    Attributes:
      age: expected age in years.
      age_low, age_high: first and last year of the interval that holds 80% of the true ages.
      age_median: median age in years.
      age_group: a range of years as `27-52`, from a model that predicts ranges.
      gender: "female", "male", or "unknown" below `min_confidence`.
      race: "White", "Black", "Asian", "Indian", "Others" or "unknown".
      classes: {task: name of its class} for every task but age, `gender` and `race` among them.
      confidences: {task: probability of its most likely class}.
      probabilities: {task: {class: probability}}.
      age_probabilities: float32 [years], the distribution of the age.
      probability_under_18: share of the distribution below 18 years.
      box: (left, top, width, height) in pixels of the image as it was given, a file turned as its
        EXIF orientation says; None for a crop.
      detection_confidence: how sure the detector is that this is a face, 0 to 1; None for a crop.
      landmarks: the eyes, the nose and the corners of the mouth as (x, y); None for a crop.
      rotation: degrees by which the photo was turned to find the face.
    """

    age: float | None = None
    age_low: int | None = None
    age_high: int | None = None
    gender: str | None = None
    race: str | None = None
    box: tuple[int, int, int, int] | None = None
    detection_confidence: float | None = None
    rotation: int | None = None
    age_median: float | None = None
    age_group: str | None = None
    probability_under_18: float | None = None
    landmarks: Any = field(default=None, repr=False)
    classes: Mapping[str, str] = field(default_factory=dict, repr=False)
    confidences: Mapping[str, float] = field(default_factory=dict, repr=False)
    probabilities: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    age_probabilities: np.ndarray | None = field(default=None, repr=False)
    _record: FaceRecord | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Returns the record that `age-gender predict --format json` writes."""
        assert self._record is not None
        return as_dict(self._record, None)


COPIED = (
    *("age", "age_low", "age_high", "age_median", "age_group", "age_probabilities"),
    *("probability_under_18", "box", "detection_confidence", "landmarks", "rotation"),
)


def from_record(record: FaceRecord) -> AnalyzedFace:
    """Returns the AnalyzedFace of a record with a prediction."""
    classes = {name: _name_of(name, value) for name, value in record.classes.items()}
    return AnalyzedFace(
        **{name: getattr(record, name) for name in COPIED},
        gender=classes.get("gender"),
        race=classes.get("race"),
        classes=classes,
        confidences=dict(record.confidences),
        probabilities={
            name: dict(zip(LABELS[name].class_names, map(float, values)))
            for name, values in record.probabilities.items()
            if name in LABELS
        },
        _record=record,
    )


def _name_of(task: str, value: int | str) -> str:
    return value if isinstance(value, str) else LABELS[task].class_names[value]
