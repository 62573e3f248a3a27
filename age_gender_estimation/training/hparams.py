"""The hyper-parameters of a training: its settings, checked, and what follows from them."""

import dataclasses
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from age_gender_estimation.errors import SettingError
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.age_groups import AGE_GROUPS, allowed_groups, parse_age_groups
from age_gender_estimation.tasks.age_labels import first_years
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.fields import check_field
from age_gender_estimation.training.settings import Settings

YEAR_ENCODINGS = ("classes", "soft", "mean_variance", "coral", "regression")


@dataclass(frozen=True)
class HParams(Settings):
    """The hyper-parameters: everything that decides a training except its data.

    Raises:
      SettingError: a value of the wrong type or out of range, or two that contradict each other.
    """

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            check_field(field, getattr(self, field.name))
        if len(set(self.tasks)) < len(self.tasks):
            raise SettingError(f"--tasks: expected every task once, got {','.join(self.tasks)}")
        if "none" not in (self.weights, self.warm_start):
            raise SettingError(
                "expected one of --weights and --warm-start, "
                f"got {self.weights} and {self.warm_start}"
            )
        # These raise SettingError for what they cannot parse.
        self.network_size()
        self.age_groups()
        self.task_weights()

    def network_size(self) -> int:
        """Returns the side in pixels of the backbone's input: img_size and the mirrored border."""
        border = self.mirror_border or (0, 0, 0, 0)
        if len(border) != 4 or sum(border[:2]) != sum(border[2:]) or max(border) > self.img_size:
            raise SettingError(
                "--mirror-border: expected pixels at the top, bottom, left and right, each at most "
                f"{self.img_size} (--img-size) and with top + bottom = left + right, "
                f"got {','.join(map(str, border))}"
            )
        return self.img_size + sum(border[:2])

    def age_groups(self) -> tuple[tuple[int, int], ...] | None:
        """Returns the groups of the age head, ((first, last), ...); None if it predicts years."""
        kind, _, groups = self.age_encoding.partition(":")
        if self.age_encoding in YEAR_ENCODINGS:
            return None
        if kind != "groups" or not groups:
            known = (*YEAR_ENCODINGS, *(f"groups:{name}" for name in AGE_GROUPS))
            raise SettingError(
                f"--age-encoding: unknown {self.age_encoding!r}; choose from: {', '.join(known)}, "
                "or give your own groups such as groups:0-17,18-64,65-116"
            )
        try:
            return parse_age_groups(groups)
        except ValueError as error:
            raise SettingError(f"--age-encoding {self.age_encoding}: {error}") from None

    def usable_ages(self, labels: np.ndarray) -> np.ndarray:
        """Returns bool [n]: which ages, int [n], the age head can learn from.

        tasks.age_heads has the same rules in TensorFlow.
        """
        if groups := self.age_groups():
            return np.any(allowed_groups(labels, groups), axis=0)
        return (labels >= 0) & (first_years(labels) <= self.max_age)

    def task_weights(self) -> dict[str, float]:
        """Returns {task: weight in the joint loss} of every task, 1 where none was set."""
        weights: dict[str, float] = {}
        for text in self.loss_weights:
            name, _, value = text.partition("=")
            try:
                weight = float(value)
            except ValueError:
                weight = math.nan
            if name not in LABELS or name in weights or not 0 < weight < math.inf:
                raise SettingError(
                    "--loss-weights: expected TASK=WEIGHT with a weight above 0 and each task of "
                    f"{', '.join(LABELS)} once, got {text!r}"
                )
            weights[name] = weight
        return {**dict.fromkeys(LABELS, 1.0), **weights}

    def architecture(self) -> dict[str, Any]:
        """Returns {field: value} of what a warm start inherits: the network and its outputs."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.metadata["is_fixed"] and field.name not in ("tasks", "loss_weights")
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "HParams":
        """Returns the HParams in the JSON of a model folder or export, of earlier versions too.

        Raises:
          TypeError: it is no object, or it has unknown fields.
          SettingError: a value of the wrong type or out of its range.
        """
        if not isinstance(values, dict):
            raise TypeError(f"expected an object, got {type(values).__name__}")
        new_names = {
            field.metadata["old_name"]: field.name
            for field in dataclasses.fields(cls)
            if field.metadata["old_name"]
        }
        # JSON has no tuples.
        parsed: dict[str, Any] = {
            new_names.get(name, name): tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**parsed)


def load_hparams(model_dir: str | os.PathLike[str]) -> HParams:
    """Returns the HParams of a model folder.

    Raises:
      InputError: the folder holds no model, or its hparams.json is damaged or of another version.
    """
    return ModelFolder(model_dir).read_hparams(HParams.from_dict)
