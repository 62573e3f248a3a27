"""Command line arguments -> opened manifests."""

from collections.abc import Sequence

from age_gender_estimation.data.manifest import Manifest, open_manifest
from age_gender_estimation.errors import SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.tasks.labels import LABELS


def open_manifests(texts: Sequence[str], image_dirs: Sequence[str]) -> list[Manifest]:
    """Opens the manifests that command line arguments name.

    Args:
      texts: paths of CSV files; `utk.csv:race` or `utk.csv:age,race` uses the labels of these tasks
        only.
      image_dirs: the folders of the crops: one for all manifests, or one for each.

    Raises:
      InputError: see data.manifest.open_manifest.
      SettingError: an unknown task, or another number of folders.
    """
    if len(image_dirs) not in (1, len(texts)):
        raise SettingError(
            f"expected 1 or {len(texts)} image folders for {len(texts)} CSVs, "
            f"got {len(image_dirs)}; see --img-dir and --val-img-dir"
        )
    manifests = []
    folders = list(image_dirs) * (len(texts) if len(image_dirs) == 1 else 1)
    for text, folder in zip(texts, folders):
        path, colon, names = text.rpartition(":")
        if not colon or filesystem.exists(text) or not filesystem.exists(path):
            path, colon = text, ""
        tasks = tuple(dict.fromkeys(names.split(","))) if colon else ()
        unknown = [name for name in tasks if name not in LABELS]
        if unknown:
            raise SettingError(
                f"{text}: unknown label {unknown[0]!r}; choose from: {', '.join(LABELS)}"
            )
        manifests.append(open_manifest(path, folder, tasks))
    return manifests
