"""What tables show of a report of evaluation.evaluate: titles, places in the report, how they are
written."""

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

INTERVAL = f"{INTERVAL_COVERAGE:.0%} interval"


@dataclass(frozen=True)
class Measure:
    """One number of a report.

    Attributes:
      title: what people read.
      path: the keys that lead to it.
      spec: the format of its value; one that ends with % makes it a share.
      is_key: whether the comparison of lists and models shows it.
    """

    title: str
    path: tuple[str, ...] = ()
    spec: str = ".2f"
    is_key: bool = False

    @property
    def is_share(self) -> bool:
        """Whether it is a share from 0 to 1."""
        return self.spec.endswith("%")

    def find(self, report: Any) -> Any:
        """Returns {"value", "low", "high", "n"}, a number without these, or None for neither."""
        try:
            return functools.reduce(operator.getitem, self.path, report)
        except KeyError:
            return None

    def show(self, report: Any) -> str:
        """Returns its value in the report as tables have it: `4.02`, `95.90%`; "" for none."""
        found = self.find(report)
        value = found["value"] if isinstance(found, dict) else found
        return "" if value is None else format(value, self.spec)

    def show_interval(self, report: Any) -> str:
        """Returns its interval in the report, `3.74 - 4.33`, a share in percent; "" for none."""
        found = self.find(report)
        if not isinstance(found, dict):
            return ""
        factor = 100 if self.is_share else 1
        return f"{factor * found['low']:.2f} - {factor * found['high']:.2f}"


def _errors(ending: str, *path: str, is_key: bool = False) -> tuple[Measure, ...]:
    return (
        Measure(f"age MAE{ending}, years", (*path, "mae"), is_key=is_key),
        Measure(f"age RMSE{ending}, years", (*path, "rmse"), is_key=is_key),
        Measure(f"age CS@5{ending}", (*path, "cs5"), ".1%"),
    )


AGE_MEASURES = (
    *_errors("", "age", is_key=True),
    *_errors(" of the median", "age", "median"),
    Measure("MAE of the best constant age", ("age", "best_constant_mae")),
    Measure(f"true age in the {INTERVAL}", ("age", "interval", "coverage"), ".1%", True),
    Measure(f"width of the {INTERVAL}, years", ("age", "interval", "width"), ".1f"),
    Measure("under 18 or not, accuracy", ("age", "under_18", "accuracy"), ".2%"),
    Measure("under 18 or not, calibration error (ECE)", ("age", "under_18", "ece"), ".1%"),
    Measure("age calibration error (quantiles)", ("age", "ece"), ".1%"),
    Measure("age, years outside the range", ("age_range", "years_outside"), is_key=True),
    Measure("right range", ("age_range", "right_range"), ".1%", True),
    Measure("right range or a neighbour", ("age_range", "one_off"), ".1%", True),
    Measure(f"{INTERVAL} meets the range", ("age_range", "interval_meets"), ".1%", True),
)


def measures_of(report: Mapping[str, dict]) -> list[Measure]:
    """Returns the Measures that a report has, ages first."""
    classes = [name for name, entry in report.items() if "accuracy" in entry]
    found = list(AGE_MEASURES)
    for name in classes:
        found.append(Measure(f"{name} accuracy", (name, "accuracy"), ".2%", True))
        found.append(Measure(f"{name} calibration error (ECE)", (name, "ece"), ".1%"))
    return [measure for measure in found if measure.find(report) is not None]


def group_measures(name: str) -> tuple[Measure, ...]:
    """Returns the Measures of a group of faces, in the entry that a report has for it.

    Args:
      name: the label: age, age_range or a class. The first Measure has an interval.
    """
    if name == "age":
        return (
            Measure("age MAE"),
            Measure("RMSE", ("rmse",)),
            Measure("bias", ("bias",), "+.2f"),
            Measure(f"in the {INTERVAL}", ("interval", "coverage"), ".0%"),
            Measure("width", ("interval", "width"), ".1f"),
            Measure("ECE", ("ece",), ".0%"),
        )
    if name == "age_range":
        return (
            Measure("years outside the range", ("years_outside",)),
            Measure("bias", ("bias",), "+.2f"),
            Measure("right range", ("right_range",), ".0%"),
            Measure("or a neighbour", ("one_off",), ".0%"),
            Measure(f"{INTERVAL} meets it", ("interval_meets",), ".0%"),
        )
    return Measure(f"{name} accuracy", ("accuracy",), ".1%"), Measure("ECE", ("ece",), ".0%")
