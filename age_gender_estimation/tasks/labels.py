"""The labels of every task: names, ranges and how they are written. Free of TensorFlow, so that preprocessing is too."""

from dataclasses import dataclass

INTERVAL_COVERAGE = 0.8  # share of people whose age the answered interval is to hold
ADULT_AGE = 18


@dataclass(frozen=True)
class Label:
    """One label that a face can have, stored as a whole number from 0 to `highest`.

    Attributes:
      name: column of the manifest and key of every dict of labels.
      highest: largest valid value.
      class_names: the name of each value, in order; empty where the value is its own name (years).
      class_symbols: what predict prints for each value.
    """

    name: str
    highest: int
    class_names: tuple[str, ...] = ()
    class_symbols: tuple[str, ...] = ()

    def parse(self, text):
        """Returns the label written in `text`, or None for an empty cell ("not labelled").

        Raises:
          ValueError: `text` is neither empty nor a whole number in range; the message says what was expected.
        """
        text = text.strip()
        if not text:
            return None
        # isdecimal alone accepts digits of other scripts, which TensorFlow's CSV reader does not.
        if not (text.isascii() and text.isdecimal() and int(text) <= self.highest):
            raise ValueError(
                f"expected a whole number from 0 to {self.highest} or nothing, got {text!r}"
            )
        return int(text)

    def show(self, value):
        """Returns `value` as people read it: `46`, `M`, `Asian`."""
        return self.class_symbols[value] if self.class_symbols else str(value)


def _classes(name, class_names, class_symbols=None):
    return Label(name, len(class_names) - 1, class_names, class_symbols or class_names)


# Gender follows IMDB-WIKI's coding (UTKFace has it the other way round), race follows UTKFace's.
LABELS = {
    label.name: label
    for label in (
        Label("age", highest=116),
        _classes("gender", ("female", "male"), ("F", "M")),
        _classes("race", ("White", "Black", "Asian", "Indian", "Others")),
    )
}
