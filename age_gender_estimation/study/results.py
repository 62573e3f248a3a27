"""Results of a study: evaluation.json and eval.json of each run -> rows, means and deviations."""

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from age_gender_estimation.markup.markdown import markdown_table
from age_gender_estimation.storage.files import csv_line, read_json
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.study.grid import REPEATS, Run, Study, run_name

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
Summary = list[tuple[Run, dict[str, tuple[float, float | None, int]]]]


@dataclass(frozen=True)
class Result:
    """A run that ended.

    Attributes:
      run: its settings.
      metrics: {metric: value} on the test manifests; `age_mae@utkface` is that of one source.
      history: the evaluations of its training, dicts with `step`.
      error: why it has no metrics, or "".
    """

    run: Run
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict] = field(default_factory=list)
    error: str = ""


def read_result(study: Study, run: Run, folder: str) -> Result:
    """Returns the Result in the folder of a run."""
    try:
        report = read_json(os.path.join(folder, "evaluation", "evaluation.json"))
    except FileNotFoundError:
        try:
            with open(os.path.join(folder, "failed.txt"), encoding="utf-8") as file:
                return Result(run, error=file.read().strip())
        except FileNotFoundError:
            return Result(run, error="did not run")
    metrics = _metrics(report)
    # age-gender evaluate measured the study's test manifests in their order.
    for name, source in zip(study.test, report.get("sources", {}).values()):
        metrics.update(_metrics(source, f"@{name}"))
    return Result(run, metrics, ModelFolder(os.path.join(folder, "model")).read_evaluations())


def metric_names(results: Sequence[Result]) -> list[str]:
    """Returns the names of all metrics, those of all sources together first."""
    names = dict.fromkeys(name for result in results for name in result.metrics)
    return sorted(names, key=lambda name: ("@" in name, name.partition("@")[2]))


def summarize(results: Sequence[Result]) -> Summary:
    """Returns [(settings without REPEATS, {metric: (mean, deviation, number of runs)}), ...].

    The deviation is the standard deviation of the sample (n - 1), over seeds and folds; None for
    one run.
    """
    groups: dict[str, tuple[Run, list[dict]]] = {}
    for result in results:
        settings = {name: value for name, value in result.run.items() if name not in REPEATS}
        groups.setdefault(run_name(settings), (settings, []))[1].append(result.metrics)
    summary = []
    for settings, runs in groups.values():
        columns = {
            name: [run[name] for run in runs if name in run] for name in metric_names(results)
        }
        metrics = {name: _describe(values) for name, values in columns.items() if values}
        summary.append((settings, metrics))
    return summary


def summary_rows(study: Study, results: Sequence[Result]) -> tuple[list[str], list[list]]:
    """Returns the header and rows of the summary: settings, and `5.12 ± 0.03` per metric."""
    axes, metrics = [name for name in study.axes if name not in REPEATS], metric_names(results)
    rows = []
    for settings, values in summarize(results):
        shown = ("" if settings[axis] is None else str(settings[axis]) for axis in axes)
        num_runs = max((count for _, _, count in values.values()), default=0)
        rows.append([*shown, *(_show(name, values.get(name)) for name in metrics), num_runs])
    return [*axes, *(name.replace("_", " ") for name in metrics), "runs"], rows


def results_csv(study: Study, results: Sequence[Result]) -> str:
    """Returns a row per run: settings, metrics, error."""
    metrics = metric_names(results)
    lines = [csv_line([*study.axes, *metrics, "error"])]
    for result in results:
        settings = ("" if result.run[axis] is None else result.run[axis] for axis in study.axes)
        values = (
            f"{result.metrics[name]:.6f}" if name in result.metrics else "" for name in metrics
        )
        lines.append(csv_line([*settings, *values, result.error]))
    return "".join(lines)


def results_markdown(study: Study, results: Sequence[Result]) -> str:
    """Returns the summary as a Markdown document."""
    settings = ", ".join(f"{name} {value}" for name, value in study.settings.items())
    lines = [
        f"# {study.title}",
        study.question,
        f"Every run: {settings}. Measured on test.csv of {', '.join(study.test)}; "
        f"mean {PLUS_MINUS} standard deviation over {study.repeats}.",
        markdown_table(*summary_rows(study, results)),
    ]
    return "\n\n".join(lines)


def _metrics(report: dict, ending: str = "") -> dict[str, float]:
    """Returns {metric: value} of all tasks in a report of age-gender evaluate."""
    metrics = {}
    for task, entry in report.items():
        for name in ("mae", "rmse", "cs5", "years_outside", "right_range", "accuracy"):
            if isinstance(entry, dict) and name in entry:
                metrics[f"{task}_{name}{ending}"] = entry[name]["value"]
        if isinstance(entry, dict) and "median" in entry:
            metrics[f"{task}_median_mae{ending}"] = entry["median"]["mae"]["value"]
    return metrics


def _describe(values: list[float]) -> tuple[float, float | None, int]:
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return statistics.mean(values), deviation, len(values)


def _show(name: str, value: tuple[float, float | None, int] | None) -> str:
    if value is None:
        return ""
    mean, deviation, _ = value
    is_in_years = name.partition("@")[0].endswith(("mae", "rmse", "outside"))
    factor, digits, unit = (1, 2, "") if is_in_years else (100, 1, "%")
    spread = "" if deviation is None else f" {PLUS_MINUS} {factor * deviation:.{digits}f}"
    return f"{factor * mean:.{digits}f}{spread}{unit}"
