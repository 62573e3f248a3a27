"""Settings against data: what the manifests can teach, and what a model folder remembers of them
(data.json)."""

import dataclasses
import hashlib
import logging
import os
from collections.abc import Sequence

from age_gender_estimation.data.manifest import Manifest
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.faces.crop import GEOMETRIES, load_geometry
from age_gender_estimation.storage.files import read_json
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.age_groups import group_name
from age_gender_estimation.tasks.labels import LABELS

logger = logging.getLogger(__name__)


def fit_to_data(hparams, train_manifests: Sequence[Manifest], val_manifests: Sequence[Manifest]):
    """Returns the HParams with empty `tasks` filled in, checked against what the manifests label.

    Logs how many ages the age head cannot use.

    Raises:
      InputError: a task without a usable label, in training or in validation.
      SettingError: a setting for a task that is not trained.
    """
    train = _usable_labels(hparams, train_manifests)
    val = _usable_labels(hparams, val_manifests)
    labelled = [name for name in LABELS if train[name]]
    unlabelled = [name for name in hparams.tasks if name not in labelled]
    if unlabelled or not labelled:
        raise InputError(
            f"--tasks: the training CSV has no label of {', '.join(unlabelled) or 'any task'} to "
            f"learn from; it labels: {', '.join(labelled) or 'nothing'}"
        )
    hparams = dataclasses.replace(hparams, tasks=hparams.tasks or tuple(labelled))
    for name in hparams.tasks:
        if not val[name]:
            raise InputError(
                f"{name} is to be trained, and the validation CSV has no label of {name} in the "
                "rows that choose the checkpoint; add some, or set --tasks"
            )
    if hparams.age_balance and "age" not in hparams.tasks:
        raise SettingError(
            f"--age-balance {hparams.age_balance}: age is not among the tasks "
            f"{', '.join(hparams.tasks)}"
        )
    if len(hparams.source_weights) not in (0, len(train_manifests)):
        raise SettingError(
            f"--source-weights: expected {len(train_manifests)} numbers, one for each training "
            f"manifest, got {len(hparams.source_weights)}"
        )
    for text in hparams.loss_weights:
        if text.partition("=")[0] not in hparams.tasks:
            raise SettingError(
                f"--loss-weights {text}: it is not among the tasks {', '.join(hparams.tasks)}"
            )
    return hparams


def describe_data(
    train_manifests: Sequence[Manifest], val_manifests: Sequence[Manifest], img_size: int
) -> dict:
    """Returns the contents of data.json.

    Returns:
      {"train": [{"file", "rows", "labels", "sha256"} of each manifest], "validation": digest of the
      rows that are evaluated, "geometry" and "crop_size" of the crops}.
    """
    sources = [
        {
            "file": os.path.basename(manifest.path),
            "rows": manifest.num_rows,
            "labels": list(manifest.tasks),
            "sha256": manifest.sha256,
        }
        for manifest in train_manifests
    ]
    evaluated = [manifest.identity for manifest in val_manifests]
    return {
        "train": sources,
        "validation": hashlib.sha256(repr(evaluated).encode()).hexdigest(),
        **_crops_of(train_manifests, img_size),
    }


def check_validation(data: dict, model_dir: str) -> None:
    """Checks that a model folder was evaluated on the rows that `data` (`describe_data`) describes.

    Otherwise the lowest val_loss would choose between lists, not between checkpoints.

    Raises:
      InputError: it was evaluated on other rows.
    """
    folder = ModelFolder(model_dir)
    try:
        before = folder.read_data()["validation"]
    except (OSError, InputError, KeyError):  # a new folder, or one of an earlier version
        return
    if before != data["validation"] and folder.read_evaluations():
        raise InputError(
            f"{model_dir} was evaluated on other rows than those of --val-csv; use the same, or "
            f"--warm-start {model_dir} with another --model-dir"
        )


def _usable_labels(hparams, manifests):
    """Returns {task: labels that its head can use}."""
    usable = {name: sum(manifest.num_labels[name] for manifest in manifests) for name in LABELS}
    for manifest in manifests:
        labelled = manifest.num_labels["age"]
        unusable = labelled - int(hparams.usable_ages(manifest.labels["age"]).sum())
        usable["age"] -= unusable
        if unusable and (not hparams.tasks or "age" in hparams.tasks):
            logger.info(
                "%s: %d of %d ages are outside %s, or are ranges that cut through a group: "
                "unlabelled for the age head",
                manifest.path,
                unusable,
                labelled,
                ", ".join(map(group_name, hparams.age_groups() or ((0, hparams.max_age),))),
            )
    return usable


def _crops_of(manifests, img_size):
    """Returns {"geometry", "crop_size"} that preprocess.json beside the manifests declares.

    Of the first manifest if they differ; IMDB-WIKI's geometry and `img_size` where there is no such
    file.
    """
    crops = []
    for manifest in manifests:
        path = os.path.join(os.path.dirname(manifest.path), "preprocess.json")
        try:
            settings = read_json(path)["settings"]
            # What is no geometry fails here, not in whoever predicts with the model.
            geometry = load_geometry(settings["geometry"]).to_dict()
            crops.append({"geometry": geometry, "crop_size": settings["img_size"]})
        except (OSError, ValueError, KeyError, TypeError):
            crops.append({"geometry": GEOMETRIES["imdb_wiki"].to_dict(), "crop_size": img_size})
            logger.info(
                "%s: no preprocess.json beside it; its crops are taken to have IMDB-WIKI's margin",
                manifest.path,
            )
    if any(crop["geometry"] != crops[0]["geometry"] for crop in crops):
        logger.info(
            "the manifests differ in their crop margins; predict will use that of %s",
            manifests[0].path,
        )
    return crops[0]
