"""The page of a study: its question, a summary, plots of every metric, and what failed."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from age_gender_estimation.markup.html_page import Table, page
from age_gender_estimation.study.grid import REPEATS, Run, Study, run_name
from age_gender_estimation.study.results import (
    PLUS_MINUS,
    Result,
    metric_names,
    summarize,
    summary_rows,
)
from age_gender_estimation.tasks.labels import LABELS

# The metric that is drawn of each task: accuracy of classes, error of years or accuracy of groups.
HEADLINES = (
    *("age_mae", "age_group_accuracy"),
    *(f"{name}_accuracy" for name, label in LABELS.items() if label.class_names),
)


def study_page(study: Study, results: Sequence[Result]) -> str:
    """Returns the HTML page of a study and its results."""
    header, rows = summary_rows(study, results)
    settings = [(name, str(value)) for name, value in study.settings.items()]
    summary = (
        f"On test.csv of {', '.join(study.test)}; mean {PLUS_MINUS} standard deviation over "
        f"{study.repeats}. Age errors in years; @ marks the metrics of one source."
    )
    sections: list[tuple[str, list[str | Table | Figure]]] = [
        ("Question", [study.question, Table(("setting", "value"), settings)]),
        ("Results", [summary, Table(tuple(header), rows)]),
    ]
    names = [name for name in metric_names(results) if name.partition("@")[0] in HEADLINES]
    if names:
        sections.append(("By setting", [_dots(study, results, names)]))
        sections.append(("Learning curves", [_curves(study, results)]))
    failed = [(run_name(result.run), result.error) for result in results if result.error]
    sections.append(("Failed runs", [Table(("run", "why"), failed) if failed else "None."]))
    return page(study.title, sections)


def _dots(study: Study, results: Sequence[Result], names: list[str]) -> Figure:
    """A panel per metric: dots of the values of one axis, the hue, side by side.

    Dots, not bars, because the axes do not begin at 0: differences are small beside the values.
    """
    summary, varying = summarize(results), _varying_axes(results)
    # What stands side by side compares best: tasks where they vary.
    hue = "tasks" if "tasks" in varying else varying[-1] if varying else "sources"
    others = [axis for axis in varying if axis != hue]
    groups = list(dict.fromkeys(_label(settings, others) for settings, _ in summary))
    hues = list(dict.fromkeys(str(settings[hue]) for settings, _ in summary))
    num_metrics = sum("@" not in name for name in names)
    # A row per source.
    figure, panels = _panels(len(names), 2 if num_metrics == len(names) else num_metrics)
    for panel, name in zip(panels, names):
        for number, value in enumerate(hues):
            dots = [
                (groups.index(_label(settings, others)), *metrics[name][:2])
                for settings, metrics in summary
                if str(settings[hue]) == value and name in metrics
            ]
            shift = (number - (len(hues) - 1) / 2) * 0.6 / len(hues)
            panel.errorbar(
                [place + shift for place, _, _ in dots],
                [mean for _, mean, _ in dots],
                [deviation or 0 for *_, deviation in dots],
                fmt="o",
                capsize=4,
                label=value,
            )
        panel.set(title=_title(name), xlim=(-0.5, len(groups) - 0.5))
        labels = groups if others else [""] * len(groups)
        panel.set_xticks(range(len(groups)), labels, rotation=15 * (len(groups) > 3), fontsize=8)
        panel.grid(axis="y", alpha=0.4)
    title = f"On the test manifests: mean and standard deviation over {study.repeats}"
    return _finish(figure, title, hue)


def _curves(study: Study, results: Sequence[Result]) -> Figure:
    """A panel per validation metric: its mean over seeds and folds by step, a line per settings."""
    entries = [entry for result in results for entry in result.history]
    names = [name for name in HEADLINES if any(name in entry for entry in entries)]
    varying = _varying_axes(results)
    lines: dict[str, list[dict]] = {}
    for result in results:
        lines.setdefault(_label(result.run, varying), []).extend(result.history)
    figure, panels = _panels(len(names), columns=2)
    for panel, name in zip(panels, names):
        for number, (label, history) in enumerate(lines.items()):
            points: dict[int, list[float]] = {}
            for entry in history:
                if name in entry:
                    points.setdefault(entry["step"], []).append(entry[name])
            steps = sorted(points)
            means = [np.mean(points[step]) for step in steps]
            style = ("-", "--", ":")[number // 10 % 3]
            panel.plot(steps, means, f"C{number % 10}", marker=".", linestyle=style, label=label)
        panel.set(title=_title(name), xlabel="step")
        panel.grid(alpha=0.4)
    title = f"While training, on the validation manifests: mean over {study.repeats}"
    return _finish(figure, title, None)


def _panels(number: int, columns: int) -> tuple[Figure, np.ndarray]:
    columns = min(number, columns)
    rows = -(-number // columns)
    figure = Figure(figsize=(5.5 * columns + 1.5, 3.6 * rows), layout="constrained", dpi=80)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel in panels[number:]:
        panel.axis("off")
    return figure, panels[:number]


def _finish(figure: Figure, title: str, legend_title: str | None) -> Figure:
    figure.suptitle(title)
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, title=legend_title, loc="outside right upper", fontsize=8)
    return figure


def _varying_axes(results: Sequence[Result]) -> list[str]:
    """Returns the settings, except REPEATS, of which the grid has several values."""
    axes = [axis for axis in results[0].run if axis not in REPEATS]
    return [axis for axis in axes if len({str(result.run[axis]) for result in results}) > 1]


def _label(settings: Run, axes: list[str]) -> str:
    return " ".join(str(settings[axis]) for axis in axes if settings[axis] is not None) or "all"


def _title(name: str) -> str:
    metric, _, source = name.partition("@")
    unit = ", years" if metric == "age_mae" else ""
    return metric.replace("_", " ") + unit + (f", on {source}" if source else "")
