"""The labels of each task: names, ranges and how they are written. Imports no TensorFlow."""

import functools
from dataclasses import dataclass

from age_gender_estimation.tasks.age_labels import HIGHEST_AGE, is_one_year, parse_age, show_age

INTERVAL_COVERAGE = 0.8  # share of people whose age the predicted interval should contain
ADULT_AGE = 18


@dataclass(frozen=True)
class Label:
    """One label of a face, stored as a whole number from 0 to `highest`.

    Attributes:
      name: column of the manifest, and key of every dict of labels.
      highest: largest valid value; of ages, the largest year.
      class_names: the name of each value, in order; empty where the value names itself (years).
      class_symbols: what predict prints for each value.
      class_words: other words for each value, in lower case, as people's lists have them.
      is_optional: whether a list leaves the column out where nobody has the label.
    """

    name: str
    highest: int
    class_names: tuple[str, ...] = ()
    class_symbols: tuple[str, ...] = ()
    class_words: tuple[tuple[str, ...], ...] = ()
    is_optional: bool = True

    @functools.cached_property
    def words(self) -> dict[str, int]:
        """{word in lower case: value}: names, symbols and other words of the classes."""
        return {
            word.casefold(): value
            for value, name in enumerate(self.class_names)
            for word in (name, *self._other_words(value))
        }

    def _other_words(self, value):
        words = self.class_symbols[value : value + 1]
        return (*words, *(self.class_words[value] if self.class_words else ()))

    def parse(self, text: str) -> int | None:
        """Returns the label in `text`, or None for an empty cell ("not labelled").

        Raises:
          ValueError: `text` is neither empty nor a whole number in range.
        """
        text = text.strip()
        if not text:
            return None
        # isdecimal alone accepts digits of other scripts.
        if not (text.isascii() and text.isdecimal() and int(text) <= self.highest):
            raise ValueError(f"expected {', '.join(self._choices())} or nothing, got {text!r}")
        return int(text)

    def _choices(self):
        """Yields what `parse` and `words` take, a text for each class."""
        for value, name in enumerate(self.class_names):
            others = [word for word in self._other_words(value) if word != name]
            yield f"{value} or {name}" + (f" ({', '.join(others)})" if others else "")

    def show(self, value: int) -> str:
        """Returns `value` as predict prints it: `46`, `M`, `Asian`."""
        return self.class_symbols[value] if self.class_symbols else str(value)

    def name_of(self, value: int) -> int | str:
        """Returns `value` as records and reports name it: a class, a year, a range as `25-32`."""
        return self.class_names[value] if self.class_names else value

    def write(self, value: int) -> str:
        """Returns `value` as it stands in a manifest, where `parse` reads it."""
        return str(value)


class AgeLabel(Label):
    """Ages: whole years, or ranges of years, as numbers of `tasks.age_labels`."""

    def parse(self, text: str) -> int | None:
        return parse_age(text)

    def show(self, value: int) -> str:
        return show_age(value)

    def name_of(self, value: int) -> int | str:
        return value if is_one_year(value) else show_age(value)

    write = show


def _classes(
    name: str,
    class_names: tuple[str, ...],
    class_symbols: tuple[str, ...] = (),
    class_words: tuple[tuple[str, ...], ...] = (),
    is_optional: bool = True,
) -> Label:
    symbols = class_symbols or class_names
    return Label(name, len(class_names) - 1, class_names, symbols, class_words, is_optional)


# A new task is one entry here. Gender follows IMDB-WIKI's coding (UTKFace has the opposite), race
# follows UTKFace's.
LABELS = {
    label.name: label
    for label in (
        AgeLabel("age", HIGHEST_AGE, is_optional=False),
        _classes(
            "gender",
            ("female", "male"),
            ("F", "M"),
            (("woman", "girl", "weiblich", "w"), ("man", "boy", "m\u00e4nnlich")),
            is_optional=False,
        ),
        _classes(
            "race",
            ("White", "Black", "Asian", "Indian", "Others"),
            class_words=(
                ("caucasian",),
                ("african american",),
                ("east asian", "southeast asian"),
                ("south asian",),
                ("other", "latino", "hispanic", "middle eastern"),
            ),
        ),
    )
}
