"""The page of a study: its question, the summary, bars of every metric, learning curves, and what failed."""
import numpy as np
from matplotlib.figure import Figure

from age_gender_estimation.evaluation.html_page import Table, page
from age_gender_estimation.evaluation.study import run_name
from age_gender_estimation.evaluation.study_results import metric_names, summarize, summary_rows

HEADLINES = ("age_mae", "age_group_accuracy", "gender_accuracy", "race_accuracy")


def study_page(study, results):
    """Returns the HTML page of a Study and the Results of its runs (evaluation.study_results) as text."""
    header, rows = summary_rows(study, results)
    settings = Table(("setting", "value"), [(name, str(value)) for name, value in study.settings.items()])
    sections = [
        ("Question", [study.question, settings]),
        ("Results", [f"On test.csv of {', '.join(study.test)}; mean \N{PLUS-MINUS SIGN} standard deviation over seeds. "
                     "Age errors in years; @ marks the metrics of one source.", Table(tuple(header), rows)]),
    ]
    names = [name for name in metric_names(results) if name.partition("@")[0] in HEADLINES]
    if names:
        sections.append(("By setting", [_bars(study, results, names)]))
        sections.append(("Learning curves", [_curves(study, results)]))
    failed = [(run_name(result.run), result.error) for result in results if result.error]
    sections.append(("Failed runs", [Table(("run", "why"), failed) if failed else "None."]))
    return page(study.title, sections)


def _bars(study, results, names):
    """A panel per metric: a group of bars per value of the other axes, a bar per value of the last varying axis."""
    summary = summarize(study, results)
    varying = [axis for axis in study.axes if axis != "seed" and len({str(settings[axis]) for settings, _ in summary}) > 1]
    # Bars that stand side by side compare best: task sets where they vary.
    hue = "tasks" if "tasks" in varying else varying[-1] if varying else study.axes[0]
    others = [axis for axis in varying if axis != hue]
    groups = list(dict.fromkeys(_label(settings, others) for settings, _ in summary))
    hues = list(dict.fromkeys(str(settings.get(hue)) for settings, _ in summary))
    columns = min(len(names), 2)
    figure = Figure(figsize=(6 * columns, 3.4 * -(-len(names) // columns)), layout="constrained", dpi=80)
    figure.suptitle("mean over seeds; lines: standard deviation")
    for axis, name in zip(figure.subplots(-(-len(names) // columns), columns, squeeze=False).flat, names):
        for number, value in enumerate(hues):
            bars = [(groups.index(_label(settings, others)), metrics[name]) for settings, metrics in summary
                    if str(settings.get(hue)) == value and name in metrics]
            places = [place + (number - (len(hues) - 1) / 2) * 0.8 / len(hues) for place, _ in bars]
            axis.bar(places, [bar[0] for _, bar in bars], 0.8 / len(hues), yerr=[bar[1] or 0 for _, bar in bars],
                     capsize=2, label=value, color=f"C{number}")
        axis.set(title=_title(name), xticks=range(len(groups)))
        axis.set_xticklabels(groups, rotation=20 if len(groups) > 3 else 0, fontsize=8)
        low = min((metrics[name][0] for _, metrics in summary if name in metrics), default=0)
        axis.set_ylim(bottom=max(0, low * 0.8))  # differences are small beside the values
        axis.legend(title=hue, fontsize=7, loc="lower right")
    return figure


def _curves(study, results):
    """A panel per validation metric: its mean over seeds by step, a line per combination of settings."""
    names = [name for name in HEADLINES if any(name in entry for result in results for entry in result.history)]
    figure = Figure(figsize=(6 * len(names), 4.5), layout="constrained", dpi=80)
    figure.suptitle("validation, mean over seeds")
    axes = [axis for axis in study.axes if axis != "seed"]
    for panel, name in zip(figure.subplots(1, len(names), squeeze=False).flat, names):
        lines = {}
        for result in results:
            for entry in result.history:
                if name in entry:
                    line = lines.setdefault(_label(result.run, axes), {})
                    line.setdefault(entry["step"], []).append(entry[name])
        for label, points in lines.items():
            panel.plot(sorted(points), [np.mean(points[step]) for step in sorted(points)], marker=".", label=label)
        panel.set(title=_title(name), xlabel="step")
        panel.legend(fontsize=6)
    return figure


def _label(settings, axes):
    return " ".join(str(settings[axis]) for axis in axes if settings[axis] is not None) or "all"


def _title(name):
    metric, _, source = name.partition("@")
    return metric.replace("_", " ") + (", years" if metric == "age_mae" else "") + (f", on {source}" if source else "")
