"""The commands that are killed, and what must be true after a kill and at the end."""

import csv

import tensorflow as tf

from age_gender_estimation.storage.model_folder import step_of
from tools.soak.comparison import (
    check_finished_model,
    check_model_folder,
    check_order,
    check_steps,
    compare_folders,
    last_step,
)
from tools.soak.processes import Openings


class Preprocess:
    """Images of `sample` -> a folder of crops and lists, equal to the undisturbed one."""

    name, compared = "preprocess", "every file: crops, CSVs, preprocess.json, nothing left over"

    def __init__(self, sample):
        self._sample = sample

    def arguments(self, folder):
        flags = ["--output-dir", folder, "--img-size", 64, "--split-ratio", 0.6, "--workers", 2]
        data = ["--db-path", self._sample / "imdb.mat", "--photo-dir", self._sample]
        return ["preprocess", "imdb", *data, *flags]

    def is_at_work(self, folder, log):
        return (folder / "crop").exists()

    def before_start(self, folder):
        return []

    def after_kill(self, folder, log, undisturbed):
        # A file must be complete as soon as it has its final name.
        return [line for line in compare_folders(undisturbed, folder) if line.endswith(" differs")]

    def after_sigterm(self, folder, log, undisturbed):
        return self.after_kill(folder, log, undisturbed)

    def at_end(self, folder, log, undisturbed):
        return compare_folders(undisturbed, folder)


class Predict(Preprocess):
    """Crops of `preprocessed` and an export of `model` -> a CSV, equal to the undisturbed one."""

    name, compared = "predict", "every byte of the CSV, nothing left over"

    def __init__(self, preprocessed, model):
        self._preprocessed, self._model = preprocessed, model

    def arguments(self, folder):
        flags = ["--face-detector", "none", "--format", "csv", "--output", folder / "faces.csv"]
        crops = self._preprocessed / "crop"
        return ["predict", "--image-path", crops, "--model-dir", self._model, *flags]

    def is_at_work(self, folder, log):
        return any(path.stat().st_size for path in folder.glob("*.tmp"))


class Train:
    """Crops and lists of `preprocessed` -> a model folder that is readable after each kill.

    No step is lost or repeated.
    """

    name = "train"
    compared = (
        "at each kill: steps of log and checkpoint, order of images; "
        "checkpoints, best/, JSON, exports are read"
    )
    num_steps, eval_steps = 90, 30

    def __init__(self, preprocessed):
        self._preprocessed = preprocessed
        with open(preprocessed / "train.csv", newline="", encoding="utf-8") as file:
            self._images = {row["filename"] for row in csv.DictReader(file)}
        self._must_have, self._resumed_at, self._openings = {}, 0, None
        self.orders = {}

    def arguments(self, folder):
        data = self._preprocessed
        network = ["--backbone", "cnn", "--img-size", 32, "--head-units", 32, "--batch-size", 8]
        steps = ["--num-steps", self.num_steps, "--eval-steps", self.eval_steps, "--log-steps", 1]
        lists = ["--train-csv", data / "train.csv", "--val-csv", data / "val.csv"]
        folders = ["--img-dir", data / "crop", "--model-dir", folder]
        return ["train", *lists, *folders, *network, *steps, "--checkpoint-minutes", 0.02]

    def is_at_work(self, folder, log):
        return "\nstep 5 of" in log.read_text()

    def before_start(self, folder):
        self._resumed_at = step_of(tf.train.latest_checkpoint(str(folder)))
        self._openings = Openings(self._preprocessed / "crop")
        needed = self._must_have.get(folder, 0)
        return (
            []
            if self._resumed_at >= needed
            else [f"has step {self._resumed_at}, but step {needed} was saved before"]
        )

    def after_kill(self, folder, log, undisturbed):
        opened = [name for name in self._openings.names() if name in self._images]
        differences, self._must_have[folder] = check_steps(
            log.read_text(), self._resumed_at, self.eval_steps
        )
        differences += check_order({**self.orders, self._resumed_at: opened})
        if len(opened) > len(self.orders.get(self._resumed_at, ())):
            self.orders[self._resumed_at] = opened
        return differences + check_model_folder(folder)

    def after_sigterm(self, folder, log, undisturbed):
        saved, made = step_of(tf.train.latest_checkpoint(str(folder))), last_step(log.read_text())
        lost = [f"SIGTERM after step {made} saved step {saved}"] if saved < made else []
        return lost + self.after_kill(folder, log, undisturbed)

    def at_end(self, folder, log, undisturbed):
        return self.after_kill(folder, log, undisturbed) + check_finished_model(
            folder, self.num_steps
        )
