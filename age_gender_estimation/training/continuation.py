"""Settings beside those of an earlier model: one that is resumed, or one for a warm start."""

import dataclasses
from typing import Any

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.model_folder import ModelFolder, read_description
from age_gender_estimation.training.fields import flag_of
from age_gender_estimation.training.hparams import HParams


def make_hparams(given: dict[str, Any]) -> HParams:
    """Returns the HParams of the settings that were given; a warm start inherits the other ones.

    Args:
      given: {field: value}; the `warm_start` among them may be a model folder or an export.

    Raises:
      InputError: the model of a warm start is missing or of another version.
      SettingError: a wrong value, or one that a warm start cannot change.
    """
    if given.get("warm_start", "none") == "none":
        return HParams(**given)
    if given.get("weights", "none") != "none":
        HParams(**given)  # refuses both
    model_dir = given["warm_start"]
    export = ModelFolder(model_dir).newest_export()
    try:
        hparams = read_description(export, lambda found: HParams.from_dict(found["hparams"]))
    except (OSError, InputError) as error:
        raise InputError(
            f"--warm-start: {export} is of another version ({error}); export its model folder again"
        ) from None
    inherited = hparams.architecture()
    for name in ("backbone", "img_size"):
        if given.get(name, inherited[name]) != inherited[name]:
            raise SettingError(
                f"{flag_of(name)}: {model_dir} has {inherited[name]}, got {given[name]}; "
                "leave it out, or train without --warm-start"
            )
    return HParams(**{**inherited, **given, "warm_start": export})


def check_resume(saved: HParams, wanted: HParams, model_dir: str) -> None:
    """Raises InputError where `wanted` changes what cannot change in a model folder.

    Args:
      saved: the hyper-parameters of the folder.
      wanted: those of the training that wants to resume.
      model_dir: the folder.
    """
    for field in dataclasses.fields(HParams):
        old, new = getattr(saved, field.name), getattr(wanted, field.name)
        if field.metadata["is_fixed"] and old != new:
            raise InputError(
                f"{model_dir} was trained with {flag_of(field.name)} {_show(old)}, "
                f"got {_show(new)}; use the former, or another --model-dir"
            )
    # The optimizer keeps no state of a backbone that is never trained.
    if (saved.backbone_rate == 0) != (wanted.backbone_rate == 0):
        raise InputError(
            f"{model_dir} was trained with --backbone-rate {saved.backbone_rate}, "
            f"got {wanted.backbone_rate}; 0 cannot change later, --freeze-steps ends by itself"
        )


def _show(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, tuple) else value
