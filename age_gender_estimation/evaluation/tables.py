"""The report of evaluate as tables in Markdown."""


def report_tables(report):
    """Returns the tables of a report of evaluation.evaluate.evaluate, as one text."""
    parts = [markdown_table(["metric", "value", "95% interval", "faces"], _overall(report))]
    for name, source in report.get("sources", {}).items():
        if source:
            parts.append(markdown_table([f"metric in {name}", "value", "95% interval", "faces"], _overall(source)))
    for group, rows in report.get("age", {}).get("by", {}).items():
        parts.append(markdown_table([f"age error by {group}", "MAE", "95% interval", "bias", "faces"], [
            [name, f"{row['value']:.2f}", _interval(row), f"{row['bias']:+.2f}", row["n"]] for name, row in rows.items()]))
    for name, entry in report.items():
        if "confusion" in entry:
            parts.append(markdown_table([f"true {name} \\ predicted", *entry["classes"]], [
                [true_name, *counts] for true_name, counts in zip(entry["classes"], entry["confusion"])]))
    return "\n".join(parts)


def _overall(report):
    rows = []
    if "age" in report:
        age = report["age"]
        rows = _age_rows(age, "")
        if "median" in age:
            rows += _age_rows(age["median"], " of the median")
        rows.append(["MAE of the best constant age", f"{age['best_constant_mae']:.2f}", "", age["mae"]["n"]])
    for name, entry in report.items():
        if "accuracy" in entry:
            accuracy = entry["accuracy"]
            rows.append([f"{name} accuracy", f"{100 * accuracy['value']:.2f}%", _interval(accuracy, 100), accuracy["n"]])
    return rows


def _age_rows(age, ending):
    return [[f"age MAE{ending}, years", f"{age['mae']['value']:.2f}", _interval(age["mae"]), age["mae"]["n"]],
            [f"age RMSE{ending}, years", f"{age['rmse']['value']:.2f}", _interval(age["rmse"]), age["rmse"]["n"]],
            [f"age CS@5{ending}", f"{100 * age['cs5']['value']:.1f}%", _interval(age["cs5"], 100), age["cs5"]["n"]]]


def _interval(entry, factor=1):
    return f"{factor * entry['low']:.2f} - {factor * entry['high']:.2f}"


def markdown_table(header, rows):
    """Returns a table in Markdown; header and rows are lists of cells."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]) + "\n"
