"""How good predictions are, and how well their confidences fit: over all faces, by manifest and by
group."""

import functools

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.metrics import (
    age_metrics,
    calibration_error,
    confusion_matrix,
    quantile_error,
    with_interval,
)
from age_gender_estimation.evaluation.predictions import Predictions
from age_gender_estimation.evaluation.ranges import RangeScores, describe_ranges, score_ranges
from age_gender_estimation.tasks.age_groups import decade_names
from age_gender_estimation.tasks.labels import ADULT_AGE, LABELS


def evaluate(predictions: Predictions) -> dict:
    """Returns the report of predictions, a dict that JSON can hold.

    It has an entry per predicted label with true labels. Age, of the labels that are years, has
    `mae`, `rmse`, `cs5` and `best_constant_mae`; for a model with an age distribution also these of
    its `median`, the coverage and width of its `interval`, and the calibration errors `ece` and
    that of `under_18`. `age_range` is of the labels that are ranges, see evaluation.ranges. A class
    has `accuracy`, `ece` and `confusion`. `by` has the most important of these for each decade (of
    years: a range may span several), each range and each class. With several manifests, `sources`
    has such a report for each, {} where nothing is labelled. See evaluation.metrics.

    Raises:
      InputError: the manifests label nothing that the model predicts.
    """
    scores = score_ranges(predictions)
    report = _report(predictions, scores, np.ones(len(predictions.paths), bool))
    if not report:
        raise InputError(
            f"the CSV labels none of what the model predicts: {', '.join(predictions.predicted)}"
        )
    sources = list(dict.fromkeys(predictions.sources))
    if len(sources) > 1:
        report["sources"] = {
            name: _report(predictions, scores, np.array(predictions.sources) == name)
            for name in sources
        }
    return report


def _report(predictions, scores, chosen):
    """Returns the report of the crops where bool [n] `chosen`."""
    report = {}
    for name in predictions.predicted:
        labelled = ~np.isnan(predictions.true[name]) & chosen
        if labelled.any():
            describe = _describe_age if name == "age" else _describe_classes
            entry = describe(predictions, name, labelled)
            if name != "age":
                entry |= _confusion(predictions, name, labelled)
            describe_group = functools.partial(_describe_group, predictions, name)
            report[name] = {**entry, "by": _by_group(predictions, scores, labelled, describe_group)}
        has_range = ~np.isnan(predictions.ranges[:, 0]) & chosen
        if name == "age" and has_range.any():
            describe_group = functools.partial(describe_ranges, scores)
            by = _by_group(predictions, scores, has_range, describe_group)
            report["age_range"] = {**describe_ranges(scores, has_range), "by": by}
    return report


def _by_group(predictions, scores, labelled, describe):
    return {
        grouping: {group: describe(members) for group, members in groups.items()}
        for grouping, groups in _groups(predictions, scores, labelled).items()
    }


def _confusion(predictions, name, chosen):
    classes = list(predictions.labels[name].class_names)
    true, predicted = predictions.true[name][chosen], predictions.predicted[name][chosen]
    return {
        "classes": classes,
        "confusion": confusion_matrix(true, predicted, len(classes)).tolist(),
    }


def _describe_age(predictions, name, chosen):
    true = predictions.true[name][chosen]
    ages = {output: values[chosen] for output, values in predictions.ages.items()}
    report = age_metrics(true, predictions.predicted[name][chosen])
    if "age_median" in ages:
        report["median"] = age_metrics(true, ages["age_median"])
        report["ece"] = quantile_error(ages["age_rank"])
    if "age_low" in ages:
        report["interval"] = _describe_interval(true, ages)
        is_child, probability = true < ADULT_AGE, ages["probability_under_18"]
        is_right = is_child == (probability >= 0.5)
        report["under_18"] = {
            "accuracy": with_interval(is_right),
            "ece": calibration_error(np.maximum(probability, 1 - probability), is_right),
            "children": int(is_child.sum()),
        }
    return report


def _describe_interval(true, ages):
    return {
        "coverage": with_interval((ages["age_low"] <= true) & (true <= ages["age_high"])),
        "width": float((ages["age_high"] - ages["age_low"] + 1).mean()),
    }


def _describe_classes(predictions, name, chosen):
    is_right = predictions.true[name][chosen] == predictions.predicted[name][chosen]
    report: dict[str, dict | float] = {"accuracy": with_interval(is_right)}
    if name in predictions.confidences:
        report["ece"] = calibration_error(predictions.confidences[name][chosen], is_right)
    return report


def _describe_group(predictions, name, chosen):
    """Returns the entry of a group: of age the MAE with `bias` (above 0: predicted too old), or
    that of a class."""
    if name != "age":
        return _describe_classes(predictions, name, chosen)
    true = predictions.true[name][chosen]
    errors = predictions.predicted[name][chosen] - true
    group = {
        **with_interval(np.abs(errors)),
        "bias": float(errors.mean()),
        "rmse": float(np.sqrt((errors**2).mean())),
    }
    if "age_low" in predictions.ages:
        ages = {output: values[chosen] for output, values in predictions.ages.items()}
        group["interval"] = _describe_interval(true, ages)
        group["ece"] = quantile_error(ages["age_rank"])
    return group


def _groups(predictions: Predictions, scores: RangeScores, chosen: np.ndarray) -> dict:
    """Returns {grouping: {group: bool [n]}} of the chosen faces, by decade, by range and by each
    task with classes.

    Faces that a task does not label are in none of its groups; empty groups are left out.
    """
    decades = decade_names(predictions.true["age"])
    groups = {
        "decade": _members(decades, predictions.true["age"], chosen),
        "range": _members(scores.names, predictions.ranges[:, 0], chosen),
    }
    for task, label in LABELS.items():
        groups[task] = {
            name: chosen & (predictions.true[task] == number)
            for number, name in enumerate(label.class_names)
        }
    groups = {
        grouping: {name: members for name, members in entries.items() if name and members.any()}
        for grouping, entries in groups.items()
    }
    return {grouping: entries for grouping, entries in groups.items() if entries}


def _members(names, years, chosen):
    """Returns {name: bool [n]} in the order of their years."""
    return {name: chosen & (names == name) for name in dict.fromkeys(names[np.argsort(years)])}
