"""Checks what a killed and restarted command left: equal bytes, or a complete model folder.

Every function returns differences as lines of text; an empty list means that the check passed.
"""

import json
import pathlib
import re

import numpy as np
import tensorflow as tf

from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.storage.model_folder import ModelFolder, step_of
from age_gender_estimation.training.hparams import load_hparams

FIRST = 32  # images; they show whether two epochs begin in the same order


def compare_folders(expected, actual):
    """Compares every file of two folders, hidden ones and empty folders too, byte by byte."""
    contents = [
        {
            str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in folder.rglob("*")
        }
        for folder in map(pathlib.Path, (expected, actual))
    ]
    missing = [f"{name} is missing" for name in sorted(contents[0].keys() - contents[1].keys())]
    left_over = [f"{name} is left over" for name in sorted(contents[1].keys() - contents[0].keys())]
    both = sorted(contents[0].keys() & contents[1].keys())
    return (
        missing
        + left_over
        + [f"{name} differs" for name in both if contents[0][name] != contents[1][name]]
    )


def check_model_folder(folder):
    """Checks that every file with a final name can be read, whenever the training was killed."""
    folder, differences = pathlib.Path(folder), []
    if not (folder / "hparams.json").exists():  # killed before it began
        return [
            f"{path.name} without hparams.json"
            for path in folder.glob("*")
            if path.suffix != ".tmp"
        ]

    def attempt(what, function, *arguments):
        try:
            return function(*arguments)
        except Exception as error:
            differences.append(f"{what} cannot be read: {type(error).__name__}: {str(error)[:200]}")

    attempt("hparams.json", load_hparams, folder)
    for name in ("data.json", *(path.relative_to(folder) for path in folder.glob("best/*.json"))):
        if (folder / name).exists():
            attempt(name, lambda path=folder / name: json.loads(path.read_text()))
    for place in (folder, folder / "best"):
        if (place / "checkpoint").exists():
            attempt(f"the newest checkpoint of {place.name}/", _read_checkpoint, place)
    if (
        attempt("eval.json", ModelFolder(folder).read_evaluations)
        and not (folder / "best" / "checkpoint").exists()
    ):
        differences.append("evaluations without a best/")
    for export in folder.glob("serving/[0-9]*"):
        attempt(f"serving/{export.name}", _predict_with, export)
    return differences


def check_finished_model(folder, num_steps):
    """Checks that the model folder of a finished training is complete and has no leftover files."""
    folder = pathlib.Path(folder)
    differences = check_model_folder(folder)
    evaluated, best = (
        ModelFolder(folder).read_evaluations(),
        tf.train.latest_checkpoint(str(folder / "best")),
    )
    steps = [entry["step"] for entry in evaluated]
    if steps != sorted(set(steps)) or steps[-1:] != [num_steps]:
        differences.append(f"evaluated at steps {steps}, expected rising ones up to {num_steps}")
    if evaluated and step_of(best) != json.loads((folder / "eval.json").read_text())["best_step"]:
        differences.append(f"best/ holds step {step_of(best)}, eval.json names another one")
    if not list(folder.glob("serving/[0-9]*")):
        differences.append("no export")
    kept = set(tf.train.get_checkpoint_state(str(folder)).all_model_checkpoint_paths) | {best}
    prefixes = {str(pathlib.Path(prefix)) for prefix in kept}
    for path in folder.rglob("*"):
        is_checkpoint = path.name.startswith("model.ckpt-")
        if (
            re.search(r"\.tmp|temp", path.name)
            or is_checkpoint
            and str(path)
            .partition(".data")[0]
            .removesuffix(".index")
            .removesuffix(".calibration.json")
            not in prefixes
        ):
            differences.append(f"{path.relative_to(folder)} is left over")
    return differences


def check_steps(log, resumed_at, eval_steps):
    """Checks from the log of one start that no step after the last checkpoint was lost.

    Args:
      log: what the command printed, with --log-steps 1.
      resumed_at: step of the newest checkpoint before the start.
      eval_steps: the largest number of steps between two checkpoints.

    Returns:
      (differences, the step that the newest checkpoint must have reached).
    """
    differences, steps = (
        [],
        [int(step) for step in re.findall(r"^step (\d+) of ", log, re.MULTILINE)],
    )
    said = re.findall(r"^resuming from step (\d+) in ", log, re.MULTILINE)
    if (
        steps
        and said != ([str(resumed_at)] if resumed_at else [])
        and not (resumed_at == 0 and said == ["0"])
    ):
        differences.append(
            f"resumed from step {said}, but the newest checkpoint was of step {resumed_at}"
        )
    if steps and steps != list(range(resumed_at + 1, resumed_at + 1 + len(steps))):
        differences.append(
            f"made steps {steps[0]} to {steps[-1]}, with gaps or not from {resumed_at + 1} on"
        )
    # A checkpoint is complete before the next step is made.
    saved = (steps[-1] - 1) // eval_steps * eval_steps if steps else 0
    evaluated = [int(step) for step in re.findall(r"^step (\d+) evaluated", log, re.MULTILINE)]
    return differences, max([resumed_at, saved, *evaluated])


def last_step(log):
    """Returns the last step in a log, 0 if there is none."""
    return max(map(int, re.findall(r"^step (\d+) of ", log, re.MULTILINE)), default=0)


def check_order(openings):
    """Checks that no start begins with the images of a start from an earlier step.

    Args:
      openings: {step that a start resumed from: training images in the order it opened them}.
    """
    begun = {step: set(names[:FIRST]) for step, names in openings.items() if len(names) >= FIRST}
    return [
        f"the start from step {second} begins with the images of the start from step {first}"
        for first in begun
        for second in begun
        if first < second and len(begun[first] & begun[second]) > FIRST // 2
    ]


def _read_checkpoint(folder):
    checkpoint = tf.train.latest_checkpoint(str(folder))
    reader = tf.train.load_checkpoint(checkpoint)
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    assert values["global_step"] == step_of(checkpoint), (
        f"it is named {checkpoint}, but is of step {values['global_step']}"
    )


def _predict_with(export):
    outputs = Predictor(str(export)).predict_images([np.zeros((32, 32, 3), np.uint8)])
    assert all(np.isfinite(values).all() for values in outputs.values()), (
        "its predictions are not finite"
    )
