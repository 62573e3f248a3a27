"""The report of evaluation.evaluate as Markdown tables."""

from collections.abc import Callable, Mapping

from age_gender_estimation.markup.markdown import markdown_table
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

INTERVAL = f"{INTERVAL_COVERAGE:.0%} interval"


def report_tables(report: Mapping[str, dict]) -> str:
    """Returns the tables of a report of evaluation.evaluate.evaluate, as one text."""
    parts = [overall_table(report)]
    for name, source in report.get("sources", {}).items():
        if source:
            parts.append(overall_table(source, f"metric in {name}"))
    return "\n".join([*parts, *group_tables(report), *confusion_tables(report)])


def overall_table(report: Mapping[str, dict], title: str = "metric") -> str:
    """Returns the table of the metrics over all faces, each with its 95% bootstrap interval."""
    rows = _age_rows(report["age"]) if "age" in report else []
    for name, entry in report.items():
        if "accuracy" in entry:
            rows.append([f"{name} accuracy", *_percent(entry["accuracy"], 2)])
            if "ece" in entry:
                ece, num_faces = f"{100 * entry['ece']:.1f}%", entry["accuracy"]["n"]
                rows.append([f"{name} calibration error (ECE)", ece, "", num_faces])
    return markdown_table([title, "value", "95% interval", "faces"], rows)


def group_tables(report: Mapping[str, dict]) -> list[str]:
    """Returns a table for the decades of age and for each task with classes.

    A row is a group of faces; the columns are the error and calibration of every predicted label.
    """
    entries = {name: entry for name, entry in report.items() if "by" in entry}
    groupings = dict.fromkeys(name for entry in entries.values() for name in entry["by"])
    return [_group_table(grouping, entries) for grouping in groupings]


def _group_table(grouping: str, entries: Mapping[str, dict]) -> str:
    columns = {name: entry["by"].get(grouping, {}) for name, entry in entries.items()}
    groups = dict.fromkeys(group for column in columns.values() for group in column)
    header = [f"by {grouping}", "faces"]
    rows = [[group, _most_faces(columns, group)] for group in groups]
    for name, column in columns.items():
        titles, cells = _age_cells(column) if name == "age" else _class_cells(name, column)
        header += titles
        for row, group in zip(rows, groups):
            row += cells(column[group]) if group in column else [""] * len(titles)
    return markdown_table(header, rows)


def confusion_tables(report: Mapping[str, dict]) -> list[str]:
    """Returns the confusion matrix of each predicted label with classes."""
    return [
        markdown_table(
            [f"true {name} \\ predicted", *entry["classes"]],
            [
                [true_name, *counts]
                for true_name, counts in zip(entry["classes"], entry["confusion"])
            ],
        )
        for name, entry in report.items()
        if "confusion" in entry
    ]


def _age_rows(age: dict) -> list[list]:
    num_faces = age["mae"]["n"]

    def row(title, value):
        return [title, value, "", num_faces]

    rows = _error_rows(age, "")
    if "median" in age:
        rows += _error_rows(age["median"], " of the median")
    rows.append(row("MAE of the best constant age", f"{age['best_constant_mae']:.2f}"))
    if "interval" in age:
        interval, under_18 = age["interval"], age["under_18"]
        rows += [
            [f"true age in the {INTERVAL}", *_percent(interval["coverage"], 1)],
            row(f"width of the {INTERVAL}, years", f"{interval['width']:.1f}"),
            ["under 18 or not, accuracy", *_percent(under_18["accuracy"], 2)],
            row("under 18 or not, calibration error (ECE)", f"{100 * under_18['ece']:.1f}%"),
        ]
    if "ece" in age:
        rows.append(row("age calibration error (quantiles)", f"{100 * age['ece']:.1f}%"))
    return rows


def _error_rows(age: dict, ending: str) -> list[list]:
    rows: list[list] = [
        [
            f"age {name.upper()}{ending}, years",
            f"{age[name]['value']:.2f}",
            _interval(age[name]),
            age[name]["n"],
        ]
        for name in ("mae", "rmse")
    ]
    return [*rows, [f"age CS@5{ending}", *_percent(age["cs5"], 1)]]


def _most_faces(columns: Mapping[str, dict], group: str) -> int:
    return max(
        entry["n"] if "n" in entry else entry["accuracy"]["n"]
        for entry in (column[group] for column in columns.values() if group in column)
    )


def _age_cells(column: dict) -> tuple[list[str], Callable[[dict], list[str]]]:
    has_interval = any("interval" in entry for entry in column.values())
    titles = [
        "age MAE",
        "95% interval",
        "RMSE",
        "bias",
        *([f"in the {INTERVAL}", "width", "ECE"] if has_interval else []),
    ]

    def cells(entry):
        texts = [
            f"{entry['value']:.2f}",
            _interval(entry),
            f"{entry['rmse']:.2f}",
            f"{entry['bias']:+.2f}",
        ]
        if has_interval:
            interval = entry["interval"]
            texts += [
                f"{interval['coverage']['value']:.0%}",
                f"{interval['width']:.1f}",
                f"{entry['ece']:.0%}",
            ]
        return texts

    return titles, cells


def _class_cells(name: str, column: dict) -> tuple[list[str], Callable[[dict], list[str]]]:
    has_ece = any("ece" in entry for entry in column.values())

    def cells(entry):
        value, interval, _ = _percent(entry["accuracy"], 1)
        return [value, interval, *([f"{entry['ece']:.0%}"] if has_ece else [])]

    return [f"{name} accuracy", "95% interval", *(["ECE"] if has_ece else [])], cells


def _percent(entry: dict, digits: int) -> list:
    """Returns the cells value, interval and faces of a share."""
    return [f"{100 * entry['value']:.{digits}f}%", _interval(entry, 100), entry["n"]]


def _interval(entry: dict, factor: int = 1) -> str:
    return f"{factor * entry['low']:.2f} - {factor * entry['high']:.2f}"
