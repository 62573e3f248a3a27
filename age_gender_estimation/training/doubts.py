"""What makes a training pointless or its numbers worth little: a text for each."""

from collections.abc import Sequence

import numpy as np

from age_gender_estimation.data.manifest import Manifest, paths_of
from age_gender_estimation.tasks.labels import LABELS

FEW_FACES = 20


def find_doubts(
    tasks: Sequence[str],
    train_manifests: Sequence[Manifest],
    val_manifests: Sequence[Manifest],
    steps_left: int,
) -> list[str]:
    """Returns what a user should know before they believe a training's numbers.

    Args:
      tasks: those that are trained.
      train_manifests, val_manifests: the rows; those for validation choose the checkpoint.
      steps_left: steps that the training has still to make.
    """
    doubts = []
    for name in tasks:
        for part, manifests in (("training", train_manifests), ("validation", val_manifests)):
            labels = np.concatenate([manifest.labels[name] for manifest in manifests])
            values = np.unique(labels[labels >= 0])
            if len(values) == 1:
                label = LABELS[name].name_of(int(values[0]))
                doubts.append(
                    f"{name}: all {part} labels are {label}; "
                    + ("a constant is learned" if part == "training" else "any constant is right")
                )
    num_faces = sum(manifest.num_rows for manifest in val_manifests)
    if num_faces < FEW_FACES:
        doubts.append(
            f"{num_faces} validation faces choose the checkpoint: its numbers are mostly chance"
        )
    shared = len(set(paths_of(train_manifests)) & set(paths_of(val_manifests)))
    if shared:
        doubts.append(
            f"{shared} validation faces are training faces too: their numbers say what was learned "
            "by heart"
        )
    if steps_left <= 0:
        doubts.append("nothing is left to train: the model folder has made --num-steps steps")
    return doubts
