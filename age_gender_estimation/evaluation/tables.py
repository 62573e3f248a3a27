"""The report of evaluate as tables in Markdown."""

from age_gender_estimation.markup.markdown import markdown_table
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

INTERVAL = f"{INTERVAL_COVERAGE:.0%} interval"


def report_tables(report):
    """Returns the tables of a report of evaluation.evaluate.evaluate, as one text."""
    parts = [overall_table(report)]
    for name, source in report.get("sources", {}).items():
        if source:
            parts.append(overall_table(source, f"metric in {name}"))
    return "\n".join([*parts, *group_tables(report), *confusion_tables(report)])


def overall_table(report, title="metric"):
    """Returns the table of the metrics over all faces, each with its 95% bootstrap interval."""
    rows = []
    if "age" in report:
        rows += _age_rows(report["age"])
    for name, entry in report.items():
        if "accuracy" in entry:
            rows.append([f"{name} accuracy", *_percent(entry["accuracy"], 2)])
            if "ece" in entry:
                rows.append(
                    [
                        f"{name} calibration error (ECE)",
                        f"{100 * entry['ece']:.1f}%",
                        "",
                        entry["accuracy"]["n"],
                    ]
                )
    return markdown_table([title, "value", "95% interval", "faces"], rows)


def group_tables(report):
    """Returns a table for each of decade, gender and race: every answer's error and calibration in
    each group."""
    answers = {name: entry for name, entry in report.items() if "by" in entry}
    tables = []
    for grouping in dict.fromkeys(
        grouping for entry in answers.values() for grouping in entry["by"]
    ):
        columns = {name: entry["by"].get(grouping, {}) for name, entry in answers.items()}
        groups = dict.fromkeys(group for rows in columns.values() for group in rows)
        header, rows = (
            [f"by {grouping}", "faces"],
            [[group, _most_faces(columns, group)] for group in groups],
        )
        for name, column in columns.items():
            titles, cells = _age_cells(column) if name == "age" else _class_cells(name, column)
            header += titles
            for row, group in zip(rows, groups):
                row += cells(column[group]) if group in column else [""] * len(titles)
        tables.append(markdown_table(header, rows))
    return tables


def confusion_tables(report):
    """Returns the confusion matrix of each answer that has classes."""
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


def _age_rows(age):
    rows = _error_rows(age, "")
    if "median" in age:
        rows += _error_rows(age["median"], " of the median")
    rows.append(
        ["MAE of the best constant age", f"{age['best_constant_mae']:.2f}", "", age["mae"]["n"]]
    )
    if "interval" in age:
        rows += [
            [f"true age in the {INTERVAL}", *_percent(age["interval"]["coverage"], 1)],
            [
                f"width of the {INTERVAL}, years",
                f"{age['interval']['width']:.1f}",
                "",
                age["mae"]["n"],
            ],
            ["under 18 or not, accuracy", *_percent(age["under_18"]["accuracy"], 2)],
            [
                "under 18 or not, calibration error (ECE)",
                f"{100 * age['under_18']['ece']:.1f}%",
                "",
                age["mae"]["n"],
            ],
        ]
    if "ece" in age:
        rows.append(
            ["age calibration error (quantiles)", f"{100 * age['ece']:.1f}%", "", age["mae"]["n"]]
        )
    return rows


def _error_rows(age, ending):
    return [
        [
            f"age MAE{ending}, years",
            f"{age['mae']['value']:.2f}",
            _interval(age["mae"]),
            age["mae"]["n"],
        ],
        [
            f"age RMSE{ending}, years",
            f"{age['rmse']['value']:.2f}",
            _interval(age["rmse"]),
            age["rmse"]["n"],
        ],
        [f"age CS@5{ending}", *_percent(age["cs5"], 1)],
    ]


def _most_faces(columns, group):
    return max(
        entry["n"] if "n" in entry else entry["accuracy"]["n"]
        for entry in (column[group] for column in columns.values() if group in column)
    )


def _age_cells(column):
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


def _class_cells(name, column):
    has_ece = any("ece" in entry for entry in column.values())

    def cells(entry):
        value, interval, _ = _percent(entry["accuracy"], 1)
        return [value, interval, *([f"{entry['ece']:.0%}"] if has_ece else [])]

    return [f"{name} accuracy", "95% interval", *(["ECE"] if has_ece else [])], cells


def _percent(entry, digits):
    """Returns the cells value, interval and faces of a share."""
    return [f"{100 * entry['value']:.{digits}f}%", _interval(entry, 100), entry["n"]]


def _interval(entry, factor=1):
    return f"{factor * entry['low']:.2f} - {factor * entry['high']:.2f}"
