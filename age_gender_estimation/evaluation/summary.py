"""Three sentences that say where a model is good and where not, from the numbers of each list."""

from collections.abc import Mapping

from age_gender_estimation.evaluation.failures import MIN_FACES
from age_gender_estimation.evaluation.measures import INTERVAL
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

MAX_MISSED = 0.05  # of coverage; an interval that misses more, beyond chance, is too narrow


def summary(report: Mapping[str, dict], lists: Mapping[str, dict]) -> list[str]:
    """Returns the sentences: where it is best, where it is worst, what its interval holds.

    Lists are compared by the MAE of their years; without years, by the years outside their ranges,
    or by the accuracy of their first class. Other lists are described beside them. The few years in
    a list of ranges do not count, and neither does what fewer than MIN_FACES faces say.

    Args:
      report: of evaluation.evaluate, over all lists.
      lists: {list: report of it}.
    """
    errors = _comparable(lists)
    if not errors:
        return [f"It was measured on fewer than {MIN_FACES} faces, which say nothing."]
    best, worst = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    others = [name for name in lists if name not in errors]
    sentences = [
        f"{'It is best on' if len(errors) > 1 else 'On'} faces like those of {best}: "
        + "; ".join([_describe(lists[best]), *_others(lists, others)])
        + "."
    ]
    weak = [f"on faces like those of {worst}: {_describe(lists[worst])}"] if worst != best else []
    weak += _worst_ages(report)
    if weak:
        sentences.append(f"It is worse {'; '.join(weak)}.")
    return sentences + _interval_sentence(lists)


def _comparable(lists):
    """Returns {list: error} of the lists with the most telling kind of error that there is."""
    for find in (_mae, _years_outside):
        found = {name: find(report) for name, report in lists.items()}
        if any(found.values()):
            return {name: entry["value"] for name, entry in found.items() if entry}
    accuracies = {
        name: [entry["accuracy"] for entry in report.values() if _enough(entry, "accuracy")]
        for name, report in lists.items()
    }
    return {name: 1 - entries[0]["value"] for name, entries in accuracies.items() if entries}


def _enough(report, *path):
    """Returns the entry at a path, or None where it is missing or of too few faces."""
    for key in path:
        report = report.get(key, {}) if isinstance(report, Mapping) else {}
    return report if report and report["n"] >= MIN_FACES else None


def _mae(report):
    years, ranges = _enough(report, "age", "mae"), _years_outside(report)
    return years if years and (not ranges or years["n"] >= ranges["n"]) else None


def _years_outside(report):
    return _enough(report, "age_range", "years_outside")


def _describe(report):
    """Returns what a list says, `ages are off by 4.0 years in the mean, gender is right in 96%`."""
    texts = []
    if years := _mae(report):
        texts.append(f"ages are off by {years['value']:.1f} years in the mean")
    if outside := _years_outside(report):
        texts.append(f"ages are {outside['value']:.1f} years outside the true range in the mean")
    if right := _enough(report, "age_range", "right_range"):
        texts.append(f"{right['value']:.0%} get the right range")
    texts += [
        f"{name} is right in {entry['accuracy']['value']:.0%}"
        for name, entry in report.items()
        if _enough(entry, "accuracy")
    ]
    return ", ".join(texts)


def _others(lists, names):
    found = {name: _describe(lists[name]) for name in names}
    return [f"{name}, with labels of another kind: {text}" for name, text in found.items() if text]


def _worst_ages(report):
    """Returns the decade, or else the range, with the largest age error, as a list of a text."""
    for name, grouping in (("age", "decade"), ("age_range", "range")):
        groups = report.get(name, {}).get("by", {}).get(grouping, {})
        errors = {
            group: error
            for group, entry in groups.items()
            if (error := _enough(entry.get("years_outside", entry)))
        }
        if len(errors) > 1:
            worst = max(errors, key=lambda group: errors[group]["value"])
            bias = groups[worst]["bias"]
            return [
                f"at ages {worst}: {errors[worst]['value']:.1f} years off in the mean, "
                f"{'too old' if bias > 0 else 'too young'} by {abs(bias):.1f}"
            ]
    return []


def _interval_sentence(lists):
    held = {
        name: entry
        for name, report in lists.items()
        if (entry := _enough(report, "age", "interval", "coverage"))
    }
    if not held:
        return []
    values = {name: entry["value"] for name, entry in held.items()}
    ends = dict.fromkeys((max(values, key=values.__getitem__), min(values, key=values.__getitem__)))
    shares = " and ".join(f"{values[name]:.0%} in {name}" for name in ends)
    narrow = [
        name
        for name, entry in held.items()
        if entry["value"] < INTERVAL_COVERAGE - MAX_MISSED and entry["high"] < INTERVAL_COVERAGE
    ]
    verdict = f": it is too narrow for faces like those of {', '.join(narrow)}" if narrow else ""
    return [f"The {INTERVAL} holds the true age of {shares}{verdict}."]
