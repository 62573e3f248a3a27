"""The record that every dataset yields, and the filters that all of them share."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Example:
    """One labelled picture, not yet looked at.

    Attributes:
      path: where the picture lies, relative to the photo folder, as the dataset writes it (not to be trusted).
      labels: {task name: int or None}; None is "not labelled".
      identity: the person shown; None where only equal file content tells (the split then uses the content).
      split: "train", "val" or "test" where the dataset prescribes it.
      drop: why the example must not be used, or "" to keep it.
    """

    path: str
    labels: dict = field(default_factory=dict)
    identity: str | None = None
    split: str | None = None
    drop: str = ""


@dataclass(frozen=True)
class Filters:
    """What preprocessing keeps: ages in years (inclusive), and the detector's face score (IMDB-WIKI only)."""

    min_score: float = 1.0
    min_age: int = 0
    max_age: int = 100
