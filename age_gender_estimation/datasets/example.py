"""The record that every dataset yields, and the filters that all datasets share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from age_gender_estimation.tasks.age_labels import first_years, last_years

BAD_ROW = "bad_row"  # a reason to drop: a row of a list that cannot be read; `path` describes it


@dataclass(slots=True)
class Example:
    """One labelled image file.

    Attributes:
      path: relative to the photo folder, as the dataset has it (untrusted).
      labels: {task: label, or None for "not labelled"}.
      identity: the person; None if unknown: images with equal content then count as one person.
      split: "train", "val" or "test" if the dataset prescribes it.
      fold: the name of its part in the dataset's cross-validation; None if there are no folds.
      drop: the reason to drop the example, or "".
    """

    path: str
    labels: dict[str, int | None] = field(default_factory=dict)
    identity: str | None = None
    split: str | None = None
    fold: str | None = None
    drop: str = ""


@dataclass(frozen=True)
class Filters:
    """Which examples are kept.

    Attributes:
      min_score: the lowest face score (IMDB-WIKI only).
      min_age: the lowest age in years, included.
      max_age: the highest age in years, included.
    """

    min_score: float = 1.0
    min_age: int = 0
    max_age: int = 100

    def keeps_age(self, label: int) -> bool:
        """Returns whether an age, or some year of a range, is from min_age to max_age."""
        return first_years(label) <= self.max_age and last_years(label) >= self.min_age

    def drop_reason(self, labels: Mapping[str, int | None]) -> str:
        """Returns "no_label" or "age" for labels that are not kept, else ""."""
        age = labels.get("age")
        if all(label is None for label in labels.values()):
            return "no_label"
        return "" if age is None or self.keeps_age(age) else "age"
