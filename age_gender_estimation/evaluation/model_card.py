"""The model card of an export, from measured numbers.

After Mitchell et al., Model Cards for Model Reporting, FAT* 2019.
"""

from collections.abc import Mapping
from typing import Any

from age_gender_estimation.evaluation.cross_dataset import cross_table
from age_gender_estimation.evaluation.failures import known_failures
from age_gender_estimation.evaluation.summary import summary
from age_gender_estimation.evaluation.tables import confusion_tables, group_tables, overall_table
from age_gender_estimation.markup.markdown import markdown_table
from age_gender_estimation.tasks.labels import INTERVAL_COVERAGE

PROTOCOL = (
    "Intervals hold 95% of 1,000 bootstrap resamples of the faces; groups of few faces say little. "
    "Calibration errors are upper estimates, the more so the fewer the faces. Where a dataset does "
    "not say who is shown, as UTKFace, a person may be on both sides in different images, which "
    "makes all of this look better than it is."
)
USE = """## Intended use

Research and teaching; statistics over many faces; sorting your own photos; a start for training on
your own data.

Not for: deciding about a person (access, age checks by law, hiring, policing, credit, medicine),
identifying anybody, watching people without their consent. `probability_under_18` is no proof of
age. Gender is what annotators or a database said, in two classes, and race is five classes that
UTKFace's annotators used: neither is a fact about the person shown, and looks say nothing about
identity.

## Licences

IMDB-WIKI and UTKFace are for non-commercial research only, and so are InsightFace's published
weights and the MS1M images behind them. A model that was trained on them, or started from them,
inherits that. The code is MIT-licensed.
"""


def model_card(
    description: Mapping[str, Any],
    report: Mapping[str, dict],
    lists: Mapping[str, dict],
    measured_on: str,
    size: int,
    defaults: Mapping[str, Any],
) -> str:
    """Returns the card as Markdown.

    Args:
      description: the export's model.json.
      report: of evaluation.evaluate.evaluate.
      lists: {list: report of it}, see evaluation.cross_dataset.
      measured_on: what the report was measured on, as a phrase: "81 faces of val.csv".
      size: bytes of the export.
      defaults: {hyper-parameter: default}; the card shows what differs from them.
    """
    parts = [
        f"# Model card: {description['backbone']}, {', '.join(description['tasks'])}\n",
        " ".join(summary(report, lists)) + "\n",
        "## Model\n",
        _model_table(description, size, defaults),
        "## Training data\n",
        markdown_table(
            ["list", "rows", "labels used"],
            [
                [
                    source["file"],
                    source["rows"],
                    ", ".join(source.get("labels", description["tasks"])),
                ]
                for source in description["data"]
            ],
        ),
        *[f"- Mind: {doubt}" for doubt in description.get("doubts", [])],
        "## Measured\n",
        f"On {measured_on}. {PROTOCOL}\n",
        *([cross_table({"model": lists})] if len(lists) > 1 else []),
        overall_table(report),
        *group_tables(report),
        *confusion_tables(report),
        "## Calibration\n",
        _calibration(description),
        "",
        "## Known failures\n",
        *[f"- {line}" for line in known_failures(report)],
        "",
        USE,
    ]
    return "\n".join(parts)


def _model_table(description, size, defaults):
    hparams = description.get("hparams", {})
    started_from = [
        hparams[name] for name in ("weights", "warm_start") if hparams.get(name, "none") != "none"
    ]
    rows = [
        ["backbone", description["backbone"]],
        [
            "input",
            f"face crops, resized to {description['img_size']} x {description['img_size']} RGB "
            "in the graph",
        ],
        ["geometry of the crops", description["geometry"]["name"]],
        *[
            [
                f"answers, {name}",
                task["classes"] if isinstance(task["classes"], str) else ", ".join(task["classes"]),
            ]
            for name, task in description["tasks"].items()
        ],
        ["started from", ", ".join(started_from) or "random weights"],
        ["steps", description["validation"].get("step", "unknown")],
        ["settings that differ from the defaults", " ".join(_changed(hparams, defaults))],
        ["size of the SavedModel", f"{size / 1e6:.1f} MB"],
    ]
    return markdown_table(["", ""], rows)


def _changed(hparams, defaults):
    """Returns `name=value` texts of the settings that are no defaults and stand nowhere else."""
    texts = []
    for name, value in hparams.items():
        value = tuple(value) if isinstance(value, list) else value
        if value != defaults.get(name, value) and name not in (
            "weights",
            "warm_start",
            "backbone",
            "tasks",
        ):
            texts.append(
                f"`{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}`"
            )
    return texts


def _calibration(description):
    calibration = description.get("calibration") or {}
    if not calibration.get("labels"):
        return "Not calibrated: probabilities are the network's own."
    temperatures = ", ".join(
        f"{name} {value:.3f} ({calibration['labels'][name]} faces)"
        for name, value in calibration["temperatures"].items()
    )
    text = (
        "Logits are divided by temperatures fitted on faces that neither trained nor chose the "
        f"model: {temperatures}."
    )
    if len(calibration.get("sources", {})) > 1:
        text += (
            f" They are of {', '.join(calibration['sources'])}, which count alike, however long "
            "they are."
        )
    if "age" in calibration["labels"] and not description.get("age_groups"):
        share = f"{INTERVAL_COVERAGE:.0%}"
        text += (
            f" The {share} age interval holds {calibration['interval_mass']:.1%} of the predicted "
            f"distribution, the share that it took to hold {share} of the true ages there."
        )
    return text
