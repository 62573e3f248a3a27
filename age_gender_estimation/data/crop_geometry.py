"""The geometry of a manifest's crops, which preprocess.json beside it declares."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import ALIGNED, load_geometry
from age_gender_estimation.storage.files import read_json
from age_gender_estimation.storage.model_folder import ModelFolder, read_description


def read_crops(manifest_path: str) -> dict[str, Any] | None:
    """Returns {"geometry", "crop_size"} of a manifest's crops; None where nothing declares them.

    Args:
      manifest_path: the CSV file.
    """
    path = os.path.join(os.path.dirname(manifest_path), "preprocess.json")
    try:
        settings = read_json(path)["settings"]
        # What is no geometry fails here, not in whoever predicts with the model.
        geometry = load_geometry(settings["geometry"]).to_dict()
        return {"geometry": geometry, "crop_size": settings["img_size"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def geometry_of(model_dir: str) -> str:
    """Returns the name of the geometry that a model was trained on.

    Args:
      model_dir: a model folder or an export.

    Raises:
      InputError: it is neither.
    """
    folder = ModelFolder(model_dir)

    def parse(found: dict) -> str:
        return load_geometry(found["geometry"]).name

    try:
        if folder.has_hparams():
            return folder.read_data(parse)
        return read_description(folder.newest_export(), parse)
    except OSError as error:
        raise InputError(f"{model_dir}: expected a model of this project ({error})") from None


def require_one_geometry(manifest_paths: Iterable[str], models: Mapping[str, str]) -> None:
    """Raises InputError where manifests and models do not all have crops of one geometry.

    A model answers for crops of another geometry as if nothing were wrong: one that was trained on
    UTKFace's crops got an age MAE of 16.9 years for 4.5 on wider ones. Manifests of which nothing
    declares the geometry are not checked.

    Args:
      manifest_paths: CSV files.
      models: {what to call it: name of the geometry that it was trained on}.
    """
    names = dict(models)
    for path in manifest_paths:
        if crops := read_crops(path):
            names[path] = crops["geometry"]["name"]
    first, *others = names or [""]
    for other in others:
        if names[other] != names[first]:
            raise InputError(
                f"{other} has face crops of the geometry {names[other]}, {first} of "
                f"{names[first]}; cut them in one geometry (age-gender preprocess --align gives "
                f"{ALIGNED}), or say --allow-other-geometry"
            )
