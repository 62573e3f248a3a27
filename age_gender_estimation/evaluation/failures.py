"""Groups of faces that a model does badly on, as sentences."""

from collections.abc import Mapping

MIN_FACES = 20  # smaller groups are no basis for a statement
MAX_BIAS = 2.0  # years
MAX_RATIO = 1.4  # of the age error, against that of all faces
MAX_LOSS = 0.05  # of accuracy, against all faces
MAX_MISTAKEN = 0.2  # share of a class


def known_failures(report: Mapping[str, dict]) -> list[str]:
    """Returns sentences about groups of at least MIN_FACES faces that the model does badly on.

    These are groups with biased ages, with a far larger age error or a lower accuracy than all
    faces, and classes that are often taken for another one.
    """
    lines = []
    for name, entry in report.items():
        for grouping, groups in entry.get("by", {}).items():
            for group, numbers in groups.items():
                describe = _age_failure if name in ("age", "age_range") else _class_failure
                line = describe(name, entry, numbers)
                if line:
                    lines.append(f"{grouping} {group}: {line}")
        if "confusion" in entry:
            lines += _mistaken(name, entry)
    return lines or [
        "Nothing stands out in groups of at least "
        f"{MIN_FACES} faces; smaller groups were not looked at."
    ]


def _age_failure(name, entry, group):
    errors, title = (group, "age MAE") if name == "age" else (group["years_outside"], "age")
    of_all = entry["mae" if name == "age" else "years_outside"]["value"]
    is_biased, is_worse = abs(group["bias"]) >= MAX_BIAS, errors["value"] >= MAX_RATIO * of_all
    if errors["n"] < MIN_FACES or not (is_biased or is_worse):
        return None
    direction = "old" if group["bias"] > 0 else "young"
    bias = f"taken for {abs(group['bias']):.1f} years too {direction} in the mean, "
    where = "" if name == "age" else " years outside the range"
    return (
        f"{bias if is_biased else ''}{title} {errors['value']:.1f}{where} "
        f"against {of_all:.1f} of all ({errors['n']} faces)"
    )


def _class_failure(name, entry, group):
    accuracy = group["accuracy"]
    if accuracy["n"] < MIN_FACES or accuracy["value"] > entry["accuracy"]["value"] - MAX_LOSS:
        return None
    return (
        f"{name} right in {accuracy['value']:.1%}, against {entry['accuracy']['value']:.1%} of all "
        f"({accuracy['n']} faces)"
    )


def _mistaken(name, entry):
    lines = []
    for true_name, counts in zip(entry["classes"], entry["confusion"]):
        for other, count in zip(entry["classes"], counts):
            if (
                other != true_name
                and sum(counts) >= MIN_FACES
                and count >= MAX_MISTAKEN * sum(counts)
            ):
                lines.append(f"{name} {true_name}: {count} of {sum(counts)} are taken for {other}")
    return lines
