"""What the runs of a study gave: evaluation.json and eval.json of each run's folder -> rows, means and spread."""

import json
import os
import statistics
from dataclasses import dataclass, field

from age_gender_estimation.markup.markdown import markdown_table
from age_gender_estimation.storage.files import csv_line
from age_gender_estimation.study.grid import run_name

IN_YEARS = ("age_mae", "age_rmse", "age_median_mae")  # the others are shares


@dataclass(frozen=True)
class Result:
    """A run that ended.

    Attributes:
      run: its settings.
      metrics: {metric: value} on the test lists; `age_mae@utkface` is that of one of several sources.
      history: list of the evaluations on the validation lists, dicts with `step`.
      error: why it has no metrics, or "".
    """

    run: dict
    metrics: dict = field(default_factory=dict)
    history: list = field(default_factory=list)
    error: str = ""


def read_results(study, output_dir):
    """Returns a Result per run of a Study, in its order."""
    return [
        _read_result(study, run, os.path.join(output_dir, "runs", run_name(run)))
        for run in study.runs
    ]


def metric_names(results):
    """Returns the names of all metrics, each task's together."""
    names = dict.fromkeys(name for result in results for name in result.metrics)
    return sorted(
        names, key=lambda name: ("@" in name, name.partition("@")[2])
    )  # stable: the order within stays


def summarize(results):
    """Returns [(settings without the seed, {metric: (mean, standard deviation or None, number of runs)}), ...].

    The deviation is that of the sample (n - 1), over seeds.
    """
    groups, names = {}, metric_names(results)
    for result in results:
        settings = {name: value for name, value in result.run.items() if name != "seed"}
        groups.setdefault(run_name(settings), (settings, []))[1].append(result.metrics)
    summary = []
    for settings, runs in groups.values():
        columns = {name: [metrics[name] for metrics in runs if name in metrics] for name in names}
        summary.append(
            (
                settings,
                {
                    name: (
                        statistics.mean(values),
                        statistics.stdev(values) if len(values) > 1 else None,
                        len(values),
                    )
                    for name, values in columns.items()
                    if values
                },
            )
        )
    return summary


def summary_rows(study, results):
    """Returns (header, rows of texts) of the summary: a row per combination of settings, `5.12 ± 0.03` per metric."""
    axes, metrics = [name for name in study.axes if name != "seed"], metric_names(results)
    rows = []
    for settings, values in summarize(results):
        num_runs = max((count for _, _, count in values.values()), default=0)
        rows.append(
            [
                *("" if settings[axis] is None else str(settings[axis]) for axis in axes),
                *(_show(name, values.get(name)) for name in metrics),
                num_runs,
            ]
        )
    return [*axes, *(name.replace("_", " ") for name in metrics), "runs"], rows


def results_csv(study, results):
    """Returns a row per run: settings, metrics, error."""
    metrics = metric_names(results)
    lines = [csv_line([*study.axes, *metrics, "error"])]
    for result in results:
        settings = ("" if result.run[axis] is None else result.run[axis] for axis in study.axes)
        lines.append(
            csv_line(
                [
                    *settings,
                    *(
                        f"{result.metrics[name]:.6f}" if name in result.metrics else ""
                        for name in metrics
                    ),
                    result.error,
                ]
            )
        )
    return "".join(lines)


def results_markdown(study, results):
    """Returns the summary as a Markdown document."""
    header, rows = summary_rows(study, results)
    settings = ", ".join(f"{name} {value}" for name, value in study.settings.items())
    lines = [
        f"# {study.title}",
        study.question,
        f"Every run: {settings}. Measured on test.csv of {', '.join(study.test)}; mean \N{PLUS-MINUS SIGN} standard "
        "deviation over seeds.",
        markdown_table(header, rows),
    ]
    return "\n\n".join(lines)


def _read_result(study, run, folder):
    try:
        with open(os.path.join(folder, "evaluation", "evaluation.json"), encoding="utf-8") as file:
            report = json.load(file)
        with open(os.path.join(folder, "model", "eval.json"), encoding="utf-8") as file:
            history = json.load(file)["evaluations"]
    except FileNotFoundError:
        try:
            with open(os.path.join(folder, "failed.txt"), encoding="utf-8") as file:
                return Result(run, error=file.read().strip())
        except FileNotFoundError:
            return Result(run, error="did not run")
    metrics = _metrics(report, "")
    # evaluate.py measured the study's test lists in their order.
    for name, source in zip(study.test, report.get("sources", {}).values()):
        metrics.update(_metrics(source, f"@{name}"))
    return Result(run, metrics, history)


def _metrics(report, ending):
    metrics = {}
    if "age" in report:
        age = report["age"]
        metrics = {f"age_{name}{ending}": age[name]["value"] for name in ("mae", "rmse", "cs5")}
        if "median" in age:
            metrics[f"age_median_mae{ending}"] = age["median"]["mae"]["value"]
    for name, entry in report.items():
        if isinstance(entry, dict) and "accuracy" in entry:
            metrics[f"{name}_accuracy{ending}"] = entry["accuracy"]["value"]
    return metrics


def _show(name, value):
    if value is None:
        return ""
    mean, deviation, _ = value
    factor, digits, unit = (1, 2, "") if name.partition("@")[0] in IN_YEARS else (100, 1, "%")
    spread = "" if deviation is None else f" \N{PLUS-MINUS SIGN} {factor * deviation:.{digits}f}"
    return f"{factor * mean:.{digits}f}{spread}{unit}"
