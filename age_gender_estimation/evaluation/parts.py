"""Which rows of a list say how good a model is: those that did not make it what it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from age_gender_estimation.data.manifest import Manifest, reporting_part
from age_gender_estimation.data.source_names import source_names
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError

REPORTING = "the third that neither chose nor calibrated the model"
ALL_ROWS = "all rows, which flatters where they chose or calibrated the model,"
OTHER_LIST = "all rows, none of which trained, chose or calibrated the model,"
TRAINED = "all rows, WHICH TRAINED the model: this says nothing about other faces,"


def require_calibration(path: str, description: Mapping[str, Any]) -> None:
    """Raises InputError if an export has no rows that neither chose nor calibrated it.

    Args:
      path: the export.
      description: its model.json.
    """
    calibration = description.get("calibration") or {}
    # Older exports lack num_faces.
    if not (calibration.get("num_faces") or calibration.get("labels")):
        raise InputError(
            f"--reporting-part: {path} was not calibrated, so every row of the "
            "validation list may have chosen it; measure on other faces"
        )


def choose_rows(
    manifests: Sequence[Manifest], descriptions: Sequence[Mapping[str, Any]]
) -> tuple[list[Manifest], list[str]]:
    """Chooses the rows of each list that neither chose nor calibrated any of some models.

    Args:
      manifests: the lists.
      descriptions: the model.json of each model. A list that calibrated one of them, by the hash
        of its bytes, is cut down to its reporting part.

    Returns:
      The rows, and which they are of each list: REPORTING, TRAINED, OTHER_LIST, or ALL_ROWS where
      nobody knows: an older export does not say which lists calibrated it, and a list that is too
      short to be divided may have chosen a model without calibrating it.
    """
    calibrations = [description.get("calibration") or {} for description in descriptions]
    calibrating = {
        digest for each in calibrations for digest in (each.get("sha256") or {}).values()
    }
    training = {
        source.get("sha256") for description in descriptions for source in description["data"]
    }
    is_known = all("sha256" in calibration for calibration in calibrations)
    chosen, parts = [], []
    for manifest in manifests:
        if manifest.sha256 in training:
            part = TRAINED
        elif manifest.sha256 in calibrating:
            part = REPORTING
        else:
            part = OTHER_LIST if is_known and manifest.num_rows >= MIN_ROWS else ALL_ROWS
        chosen.append(reporting_part(manifest) if part == REPORTING else manifest)
        parts.append(part)
    return chosen, parts


def rows_text(manifests: Sequence[Manifest], parts: Sequence[str]) -> str:
    """Returns what was measured on: `781 faces: the third that ... of val.csv; all rows of b.csv`.

    Args:
      manifests: the measured rows.
      parts: which they are of each list.
    """
    names = source_names([manifest.path for manifest in manifests])
    by_part: dict[str, list[str]] = {}
    for name, part in zip(names, parts):
        by_part.setdefault(part, []).append(name)
    texts = [f"{part} of {', '.join(of_part)}" for part, of_part in by_part.items()]
    return f"{sum(manifest.num_rows for manifest in manifests)} faces, {'; '.join(texts)}"
