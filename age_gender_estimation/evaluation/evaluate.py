"""The report of how good predictions are, and how sure of it they should be: overall, by source and by group."""

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.evaluation.metrics import (
    age_metrics,
    calibration_error,
    confusion_matrix,
    quantile_error,
    with_interval,
)
from age_gender_estimation.tasks.age_groups import decade_names
from age_gender_estimation.tasks.labels import ADULT_AGE, LABELS


def evaluate(predictions):
    """Returns the report of evaluation.predictions.Predictions, a dict that JSON can hold.

    For each answer that is labelled: age has mae, rmse and cs5, and where the model answers a distribution the same of the
    `median`, the `interval`'s coverage and width, its calibration error `ece` and those of `under_18`; the others have
    accuracy, calibration error and a confusion matrix. Each has the most telling of these `by` decade, gender and
    race. With several sources, `sources` has such a report for each, {} where nothing is labelled. See evaluation.metrics.

    Raises:
      InputError: the manifests label nothing that the model predicts.
    """
    everything = np.ones(len(predictions.paths), bool)
    report = _report(predictions, everything)
    if not report:
        raise InputError(
            f"the CSV labels none of what the model predicts: {', '.join(predictions.predicted)}"
        )
    sources = list(dict.fromkeys(predictions.sources))
    if len(sources) > 1:
        report["sources"] = {
            name: _report(predictions, np.array(predictions.sources) == name) for name in sources
        }
    return report


def _report(predictions, chosen):
    """Returns the report of the crops where bool [n] `chosen`."""
    report = {}
    for name, answers in predictions.predicted.items():
        labelled = ~np.isnan(predictions.true[name]) & chosen
        if not labelled.any():
            continue
        describe = _describe_age if name == "age" else _describe_classes
        report[name] = describe(predictions, name, labelled)
        if name != "age":
            classes = list(predictions.labels[name].class_names)
            matrix = confusion_matrix(
                predictions.true[name][labelled], answers[labelled], len(classes)
            )
            report[name].update(classes=classes, confusion=matrix.tolist())
        report[name]["by"] = {
            grouping: {
                group: _describe_group(predictions, name, members)
                for group, members in groups.items()
            }
            for grouping, groups in _groups(predictions, labelled).items()
        }
    return report


def _describe_age(predictions, name, chosen):
    true, ages = (
        predictions.true[name][chosen],
        {key: values[chosen] for key, values in predictions.ages.items()},
    )
    report = age_metrics(true, predictions.predicted[name][chosen])
    if "age_median" in ages:
        report["median"] = age_metrics(true, ages["age_median"])
        report["ece"] = quantile_error(ages["age_rank"])
    if "age_low" in ages:
        report["interval"] = _describe_interval(true, ages)
        is_child, probability = true < ADULT_AGE, ages["probability_under_18"]
        report["under_18"] = {
            "accuracy": with_interval(is_child == (probability >= 0.5)),
            "ece": calibration_error(
                np.maximum(probability, 1 - probability), is_child == (probability >= 0.5)
            ),
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
    report = {"accuracy": with_interval(is_right)}
    if name in predictions.confidences:
        report["ece"] = calibration_error(predictions.confidences[name][chosen], is_right)
    return report


def _describe_group(predictions, name, chosen):
    """Returns the numbers of one group: of the age error with `bias` (above 0: taken for older), or of a class."""
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
        group["interval"] = _describe_interval(
            true, {key: values[chosen] for key, values in predictions.ages.items()}
        )
        group["ece"] = quantile_error(predictions.ages["age_rank"][chosen])
    return group


def _groups(predictions, chosen):
    """Returns {grouping: {group: bool [n]}} of the chosen faces, as far as they are labelled; no empty groups."""
    groups = {}
    years = predictions.true["age"]
    decades = decade_names(years)
    groups["decade"] = {
        name: chosen & (decades == name) for name in dict.fromkeys(decades[np.argsort(years)])
    }
    for name in ("gender", "race"):
        groups[name] = {
            group: chosen & (predictions.true[name] == number)
            for number, group in enumerate(LABELS[name].class_names)
        }
    groups = {
        grouping: {name: members for name, members in entries.items() if name and members.any()}
        for grouping, entries in groups.items()
    }
    return {grouping: entries for grouping, entries in groups.items() if entries}
