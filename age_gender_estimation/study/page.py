"""The page of a study: its question, the summary, dots of every metric, learning curves, and what failed."""

import numpy as np
from matplotlib.figure import Figure

from age_gender_estimation.markup.html_page import Table, page
from age_gender_estimation.study.grid import run_name
from age_gender_estimation.study.results import metric_names, summarize, summary_rows

HEADLINES = ("age_mae", "age_group_accuracy", "gender_accuracy", "race_accuracy")


def study_page(study, results):
    """Returns the HTML page of a Study and the Results of its runs (study.results) as text."""
    header, rows = summary_rows(study, results)
    settings = Table(
        ("setting", "value"), [(name, str(value)) for name, value in study.settings.items()]
    )
    sections = [
        ("Question", [study.question, settings]),
        (
            "Results",
            [
                f"On test.csv of {', '.join(study.test)}; mean \N{PLUS-MINUS SIGN} standard deviation over seeds. "
                "Age errors in years; @ marks the metrics of one source.",
                Table(tuple(header), rows),
            ],
        ),
    ]
    names = [name for name in metric_names(results) if name.partition("@")[0] in HEADLINES]
    if names:
        sections.append(("By setting", [_dots(study, results, names)]))
        sections.append(("Learning curves", [_curves(results)]))
    failed = [(run_name(result.run), result.error) for result in results if result.error]
    sections.append(("Failed runs", [Table(("run", "why"), failed) if failed else "None."]))
    return page(study.title, sections)


def _dots(study, results, names):
    """A panel per metric: a dot per value of one axis of the grid, beside each other for every value of the others.

    Dots, not bars, because the axes do not begin at 0: differences are small beside the values.
    """
    summary, varying = summarize(results), _varying_axes(results)
    # What stands side by side compares best: task sets where they vary.
    hue = "tasks" if "tasks" in varying else varying[-1] if varying else study.axes[0]
    others = [axis for axis in varying if axis != hue]
    groups = list(dict.fromkeys(_label(settings, others) for settings, _ in summary))
    hues = list(dict.fromkeys(str(settings[hue]) for settings, _ in summary))
    num_metrics = sum("@" not in name for name in names)
    figure, panels = _panels(
        len(names), columns=2 if num_metrics == len(names) else num_metrics
    )  # a row per source
    for panel, name in zip(panels, names):
        for number, value in enumerate(hues):
            dots = [
                (groups.index(_label(settings, others)), *metrics[name][:2])
                for settings, metrics in summary
                if str(settings[hue]) == value and name in metrics
            ]
            places = [
                place + (number - (len(hues) - 1) / 2) * 0.6 / len(hues) for place, _, _ in dots
            ]
            panel.errorbar(
                places,
                [mean for _, mean, _ in dots],
                [deviation or 0 for *_, deviation in dots],
                fmt="o",
                capsize=4,
                color=f"C{number}",
                label=value,
            )
        panel.set(title=_title(name), xticks=range(len(groups)), xlim=(-0.5, len(groups) - 0.5))
        panel.set_xticklabels(
            groups if others else [""] * len(groups),
            rotation=15 if len(groups) > 3 else 0,
            fontsize=8,
        )
        panel.grid(axis="y", alpha=0.4)
    figure.suptitle("On the test lists: mean and standard deviation over seeds")
    figure.legend(
        *panels[0].get_legend_handles_labels(), title=hue, loc="outside right upper", fontsize=8
    )
    return figure


def _curves(results):
    """A panel per validation metric: its mean over seeds by step, a line per combination of settings."""
    names = [
        name
        for name in HEADLINES
        if any(name in entry for result in results for entry in result.history)
    ]
    varying = _varying_axes(results)
    labels = list(dict.fromkeys(_label(result.run, varying) for result in results))
    figure, panels = _panels(len(names), columns=2)
    for panel, name in zip(panels, names):
        for number, label in enumerate(labels):
            points = {}
            for result in results:
                for entry in result.history if _label(result.run, varying) == label else ():
                    if name in entry:
                        points.setdefault(entry["step"], []).append(entry[name])
            panel.plot(
                sorted(points),
                [np.mean(points[step]) for step in sorted(points)],
                marker=".",
                label=label,
                color=f"C{number % 10}",
                linestyle=("-", "--", ":")[number // 10 % 3],
            )
        panel.set(title=_title(name), xlabel="step")
        panel.grid(alpha=0.4)
    figure.suptitle("While training, on the validation lists: mean over seeds")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=7)
    return figure


def _panels(number, columns):
    columns = min(number, columns)
    rows = -(-number // columns)
    figure = Figure(figsize=(5.5 * columns + 1.5, 3.6 * rows), layout="constrained", dpi=80)
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for panel in panels[number:]:
        panel.axis("off")
    return figure, panels[:number]


def _varying_axes(results):
    """Returns the settings, the seed aside, of which the grid has several values."""
    axes = [axis for axis in results[0].run if axis != "seed"]
    return [axis for axis in axes if len({str(result.run[axis]) for result in results}) > 1]


def _label(settings, axes):
    return " ".join(str(settings[axis]) for axis in axes if settings[axis] is not None) or "all"


def _title(name):
    metric, _, source = name.partition("@")
    return (
        metric.replace("_", " ")
        + (", years" if metric == "age_mae" else "")
        + (f", on {source}" if source else "")
    )
