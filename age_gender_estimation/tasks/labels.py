"""The labels of every task: names, ranges, and how they are written.

A new task is a new entry of LABELS.
"""

from dataclasses import dataclass

INTERVAL_COVERAGE = 0.8  # share of people whose age the predicted interval should contain
ADULT_AGE = 18  # years


@dataclass(frozen=True)
class Label:
    """What a task predicts: a whole number from 0 to `highest`.

    Attributes:
      name: the task; the column of the manifest and the key of every dict of labels.
      highest: the largest valid value.
      class_names: the name of each value, in order; empty for a number of years.
      class_symbols: what `predict` prints for each value.
      is_optional: whether a manifest has the column only if its dataset knows this label.
    """

    name: str
    highest: int
    class_names: tuple[str, ...] = ()
    class_symbols: tuple[str, ...] = ()
    is_optional: bool = False

    def parse(self, text: str) -> int | None:
        """Returns the label in a cell of a CSV, or None for an empty cell ("not labelled").

        Raises:
          ValueError: the cell is neither empty nor a whole number in range.
        """
        text = text.strip()
        if not text:
            return None
        # isdecimal also accepts digits of other scripts; TensorFlow's CSV reader does not.
        if not (text.isascii() and text.isdecimal() and int(text) <= self.highest):
            raise ValueError(
                f"expected a whole number from 0 to {self.highest} or nothing, got {text!r}"
            )
        return int(text)

    def show(self, value: int) -> str:
        """Returns a value as `predict` prints it: `46`, `M`, `Asian`."""
        return self.class_symbols[value] if self.class_symbols else str(value)


def _classes(
    name: str,
    class_names: tuple[str, ...],
    class_symbols: tuple[str, ...] = (),
    is_optional: bool = False,
) -> Label:
    symbols = class_symbols or class_names
    return Label(name, len(class_names) - 1, class_names, symbols, is_optional)


# Gender has IMDB-WIKI's coding (UTKFace's is the opposite), race has UTKFace's.
LABELS = {
    label.name: label
    for label in (
        Label("age", highest=116),
        _classes("gender", ("female", "male"), ("F", "M")),
        _classes("race", ("White", "Black", "Asian", "Indian", "Others"), is_optional=True),
    )
}
