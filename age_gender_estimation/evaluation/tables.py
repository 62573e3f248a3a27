"""The report of evaluation.evaluate as Markdown tables."""

from collections.abc import Mapping

from age_gender_estimation.evaluation.measures import Measure, group_measures, measures_of
from age_gender_estimation.markup.markdown import markdown_table


def report_tables(report: Mapping[str, dict]) -> str:
    """Returns the tables of a report of evaluation.evaluate.evaluate, as one text."""
    parts = [overall_table(report)]
    for name, source in report.get("sources", {}).items():
        if source:
            parts.append(overall_table(source, f"metric in {name}"))
    return "\n".join([*parts, *group_tables(report), *confusion_tables(report)])


def overall_table(report: Mapping[str, dict], title: str = "metric") -> str:
    """Returns the table of the metrics over all faces, each with its 95% bootstrap interval."""
    rows = [_overall_row(measure, report) for measure in measures_of(report)]
    return markdown_table([title, "value", "95% interval", "faces"], rows)


def _overall_row(measure: Measure, report: Mapping[str, dict]) -> list:
    found, of_label = measure.find(report), report[measure.path[0]]
    counted = found if isinstance(found, dict) else of_label.get("mae") or of_label["accuracy"]
    return [measure.title, measure.show(report), measure.show_interval(report), counted["n"]]


def group_tables(report: Mapping[str, dict]) -> list[str]:
    """Returns a table for the decades of age, the ranges, and for each task with classes.

    A row is a group of faces; the columns are the error and calibration of every predicted label.
    """
    entries = {name: entry for name, entry in report.items() if "by" in entry}
    groupings = dict.fromkeys(name for entry in entries.values() for name in entry["by"])
    return [_group_table(grouping, entries) for grouping in groupings]


def _group_table(grouping: str, entries: Mapping[str, dict]) -> str:
    columns = {
        name: entry["by"][grouping] for name, entry in entries.items() if grouping in entry["by"]
    }
    groups = dict.fromkeys(group for column in columns.values() for group in column)
    header, counts = [f"by {grouping}", "faces"], dict.fromkeys(groups, 0)
    cells: dict[str, list] = {group: [] for group in groups}
    for name, column in columns.items():
        first, *others = group_measures(name)
        others = [each for each in others if any(map(each.show, column.values()))]
        header += [first.title, "95% interval", *(each.title for each in others)]
        for group in groups:
            entry = column.get(group)
            if entry is None:
                cells[group] += [""] * (2 + len(others))
                continue
            counts[group] = max(counts[group], first.find(entry)["n"])
            cells[group] += [first.show(entry), first.show_interval(entry)]
            cells[group] += [each.show(entry) for each in others]
    return markdown_table(header, [[group, counts[group], *cells[group]] for group in groups])


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
