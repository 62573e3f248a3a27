"""Several lists, and two models, beside each other: one table of what counts, one figure."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from age_gender_estimation.evaluation.measures import Measure, measures_of
from age_gender_estimation.markup.markdown import markdown_table
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

COLUMNS = 4  # of the panels of the figure
Lists = Mapping[str, Mapping[str, dict]]  # {model: {list: report}}


def by_list(report: dict, names: Sequence[str]) -> dict[str, dict]:
    """Returns {list: report of it} of a report of evaluation.evaluate, for its only list too."""
    return report.get("sources") or {names[0]: report}


def key_measures(models: Lists) -> list[Measure]:
    """Returns the key Measures that any model has on any list, in the order of tables."""
    merged: dict[str, dict] = {}
    for lists in models.values():
        for report in lists.values():
            for name, entry in report.items():
                merged.setdefault(name, {}).update(entry)
    return [measure for measure in measures_of(merged) if measure.is_key]


def cross_report(models: Lists) -> dict:
    """Returns {measure: {list: {model: {"value", "low", "high", "n"}}}}, a dict that JSON can hold.

    None stands where a model has no such number, because it does not predict the label, or the list
    does not have it.
    """
    return {
        measure.title: {
            name: {model: measure.find(lists[name]) for model, lists in models.items()}
            for name in _list_names(models)
        }
        for measure in key_measures(models)
    }


def cross_table(models: Lists) -> str:
    """Returns the table in Markdown: lists in columns, a row for each measure and model."""
    names = _list_names(models)
    rows = [
        [measure.title, model, *(_cell(measure, lists[name]) for name in names)]
        for measure in key_measures(models)
        for model, lists in models.items()
    ]
    header = ["measure", "model", *names]
    if len(models) == 1:
        header, rows = [header[0], *names], [[row[0], *row[2:]] for row in rows]
    return markdown_table(header, rows)


def cross_figure(models: Lists) -> Figure:
    """Returns the table as a figure: a panel per measure, a line per list, a colour per model."""
    measures, names = key_measures(models), _list_names(models)
    num_rows = -(-len(measures) // COLUMNS)
    height = 0.8 + num_rows * (1.0 + 0.28 * len(names) * len(models))
    figure = Figure(figsize=(15, height), layout="constrained")
    panels = figure.subplots(num_rows, COLUMNS, squeeze=False, sharey=True)
    for axis, measure in zip(panels.flat, measures):
        _draw_measure(axis, measure, models, names)
    for axis in panels.flat[len(measures) :]:
        axis.axis("off")
    panels[0, 0].set_yticks(range(len(names)), names, parse_math=False)
    if len(models) > 1:
        labels = [str(number) for number in range(len(models))]
        legend = figure.legend(panels[0, 0].containers, labels, loc="outside upper center")
        # A legend drops a name that begins with _; its texts can be set as they are.
        for text, model in zip(legend.get_texts(), models):
            text.set(text=model, parse_math=False)
    return figure


def _draw_measure(axis: Axes, measure: Measure, models: Lists, names: Sequence[str]) -> None:
    factor = 100 if measure.is_share else 1
    for number, lists in enumerate(models.values()):
        found = [measure.find(lists[name]) for name in names]
        value, low, high = (
            np.array([np.nan if entry is None else factor * entry[key] for entry in found])
            for key in ("value", "low", "high")
        )
        places = np.arange(len(names)) + 0.2 * (number - (len(models) - 1) / 2)
        axis.errorbar(value, places, xerr=(value - low, high - value), fmt="o", capsize=3)
    if measure.path[-1] == "coverage":
        axis.axvline(100 * INTERVAL_COVERAGE, color="grey", linewidth=1)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.3)
    axis.set_title(measure.title + (", %" if measure.is_share else ""), fontsize=10)


def _list_names(models: Lists) -> list[str]:
    return list(next(iter(models.values())))


def _cell(measure: Measure, report: Mapping[str, dict]) -> str:
    """Returns `4.02 (3.74 - 4.33)`."""
    entry = measure.find(report)
    if entry is None:
        return "-"
    low, high = (format(entry[key], measure.spec).rstrip("%") for key in ("low", "high"))
    return f"{measure.show(report)} ({low} - {high})"
