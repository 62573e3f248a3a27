"""A model folder: where each of its files is, and how each is read and written.

    MODEL_DIR/
      hparams.json               the hyper-parameters of the training
      data.json                  the manifests and the crop geometry of the training
      checkpoint, model.ckpt-*   the newest checkpoints
      eval.json                  the metrics of every evaluated checkpoint
      best/                      a copy of the checkpoint with the lowest val_loss; its calibration
      serving/<timestamp>/       the exports: saved_model.pb, assets.extra/model.json, and, if it
                                 was asked for, model.onnx
      tflite/                    the export for TensorFlow Lite
      train.lock                 locked while a training runs

Contents are plain JSON values here. The rooms that own the types pass a function that parses them.
"""

import functools
import glob
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.files import locked, read_json, write_file, write_files

Parse = Callable[[Any], Any]
SAVED_MODEL_FILE, ONNX_FILE = "saved_model.pb", "model.onnx"  # of an export
CALIBRATION_ENDING = ".calibration.json"  # follows the prefix of a checkpoint


def step_of(checkpoint: str | None) -> int:
    """Returns the global step in the name of a checkpoint; 0 for None."""
    return int(checkpoint.rpartition("-")[2]) if checkpoint else 0


def read_parsed(path: str, parse: Parse) -> Any:
    """Returns `parse(contents)` of a JSON file that this project wrote.

    Raises:
      OSError: the file does not exist or cannot be read.
      InputError: it is damaged, or of another version.
    """
    try:
        return parse(read_json(path))
    except (ValueError, LookupError, TypeError, AttributeError, InputError) as error:
        kind = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
        raise InputError(
            f"{path}: expected what this version of age-gender writes, found something else "
            f"({kind}{error}); train or export again"
        ) from None


class ModelFolder:
    """The files of one model folder, here or in a bucket.

    Attributes:
      path: the folder.
      serving: the folder of its exports.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        # People also name the folder that TensorFlow Serving reads.
        is_serving = os.path.basename(self.path.rstrip("/")) == "serving"
        self.serving = self.path if is_serving else self.join("serving")

    @property
    def teacher_answers(self) -> str:
        """The path of the answers of teachers to the training crops."""
        return self.join("teacher.npz")

    def join(self, *names: str) -> str:
        """Returns the path of a file in the folder."""
        return os.path.join(self.path, *names)

    def lock(self) -> AbstractContextManager:
        """Holds the lock of a training; raises InputError where another training holds it."""
        return locked(
            self.join("train.lock"),
            f"{self.path}: another training is running in it; wait for it, "
            "or use another --model-dir",
        )

    def has_hparams(self) -> bool:
        """Returns whether a training has begun in the folder."""
        return filesystem.exists(self.join("hparams.json"))

    def read_hparams(self, parse: Parse = dict) -> Any:
        """Returns the parsed hyper-parameters; raises InputError if the folder holds no model."""
        try:
            return read_parsed(self.join("hparams.json"), parse)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise InputError(
                f"{self.path}: expected a model folder made by age-gender train, "
                "found no hparams.json in it"
            ) from None

    def write_hparams(self, values: dict) -> None:
        _write(self.join("hparams.json"), values)

    def read_data(self, parse: Parse = dict) -> Any:
        """Returns the parsed description of the training data; see training.training_data."""
        return read_parsed(self.join("data.json"), parse)

    def write_data(self, values: dict) -> None:
        _write(self.join("data.json"), values)

    def read_evaluations(self) -> list[dict]:
        """Returns the evaluations, oldest first: dicts with `step`, `val_loss` and the metrics."""
        try:
            return read_parsed(self.join("eval.json"), _parse_evaluations)
        except FileNotFoundError:
            return []

    def write_evaluations(self, best_step: int, evaluations: list[dict]) -> None:
        _write(self.join("eval.json"), {"best_step": best_step, "evaluations": evaluations})

    def newest_checkpoint(self) -> str | None:
        """Returns the prefix of the newest checkpoint, or None."""
        import tensorflow as tf  # only training and export ask for checkpoints

        return tf.train.latest_checkpoint(self.path) if filesystem.exists(self.path) else None

    def best_checkpoint(self) -> str:
        """Returns the prefix of the best checkpoint; of the newest one where none was evaluated.

        Raises:
          InputError: there is none.
        """
        folder = ModelFolder(self.join("best") if self.read_evaluations() else self.path)
        checkpoint = folder.newest_checkpoint()
        if checkpoint is None:
            raise InputError(
                f"{folder.path}: expected a checkpoint, found none; run age-gender train first"
            )
        return checkpoint

    def keep_best(self, checkpoint: str) -> None:
        """Makes `checkpoint` the one in best/; a kill at any time leaves the old or the new one."""
        source, name = os.path.split(checkpoint)
        best = self.join("best")
        filesystem.makedirs(best)
        # A distributed training writes a data file for each device.
        files = [file for file in filesystem.listdir(source) if file.startswith(f"{name}.")]
        copies = {file: functools.partial(_copy, os.path.join(source, file)) for file in files}
        write_files({os.path.join(best, file): copy for file, copy in copies.items()})
        # This file says which checkpoint counts, and replacing it is one step. TensorFlow's own
        # writer would make a relative --model-dir relative to the working directory.
        write_file(os.path.join(best, "checkpoint"), f'model_checkpoint_path: "{name}"\n')
        for file in filesystem.listdir(best):
            if file != "checkpoint" and not file.startswith(f"{name}."):
                filesystem.remove(os.path.join(best, file))

    def remove_unfinished_checkpoints(self) -> None:
        """Removes checkpoints, and lists of them, that a killed training did not finish."""
        for pattern in ("model.ckpt-*_temp", "model.ckpt-*.tempstate*", "checkpoint.tmp*"):
            _remove(self.path, pattern)

    def remove_unfinished_exports(self) -> None:
        """Removes exports that a killed process did not finish."""
        _remove(self.serving, "temp-*")

    def newest_export(self, files: Iterable[str] = (SAVED_MODEL_FILE,)) -> str:
        """Returns the newest export; the folder itself if it is an export.

        Args:
          files: the export has at least one of these.

        Raises:
          InputError: there is none.
        """
        files = tuple(files)
        if any(filesystem.isfile(self.join(file)) for file in files):
            return self.path
        # In a bucket, an export that is being renamed appears file by file.
        stamps = [
            name
            for name in (filesystem.listdir(self.serving) if filesystem.isdir(self.serving) else ())
            if name.isdecimal()
            and any(filesystem.exists(os.path.join(self.serving, name, file)) for file in files)
        ]
        if not stamps:
            raise InputError(
                f"{self.path}: expected an exported model or a model folder with "
                "serving/<timestamp>, found neither; age-gender train and export make one"
            )
        return os.path.join(self.serving, max(stamps, key=int))


def shipped_model() -> str:
    """Returns the folder of the shipped model: in a wheel's package, or beside it in a checkout."""
    package = pathlib.Path(__file__).resolve().parent.parent
    installed, checkout = package / "pretrained", package.parent / "pretrained"
    return str(checkout if checkout.is_dir() and not installed.is_dir() else installed)


def read_calibration(checkpoint: str, parse: Parse) -> Any:
    """Returns the parsed calibration of a checkpoint, `parse({})` where it has none."""
    try:
        return read_parsed(checkpoint + CALIBRATION_ENDING, parse)
    except FileNotFoundError:
        return parse({})


def write_calibration(checkpoint: str, values: dict) -> None:
    """Keeps a calibration beside its checkpoint."""
    _write(checkpoint + CALIBRATION_ENDING, values)


def read_description(export: str, parse: Parse = dict) -> Any:
    """Returns the parsed assets.extra/model.json of an export."""
    return read_parsed(os.path.join(export, "assets.extra", "model.json"), parse)


def _write(path: str, values: dict) -> None:
    write_file(path, json.dumps(values, indent=2) + "\n")


def _parse_evaluations(content: Any) -> list[dict]:
    return [
        {**entry, "step": int(entry["step"]), "val_loss": float(entry["val_loss"])}
        for entry in content["evaluations"]
    ]


def _copy(path: str, target: Any) -> None:
    with filesystem.open(path) as source:
        shutil.copyfileobj(source, target)


def _remove(folder: str, pattern: str) -> None:
    for path in glob.glob(os.path.join(glob.escape(folder), pattern)):
        shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.remove(path)
