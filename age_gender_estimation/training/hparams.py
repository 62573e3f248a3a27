"""The hyper-parameters: the only place with defaults. Flags are made from the fields; model folders keep them as JSON."""

import dataclasses
import json
import math
import os
from dataclasses import dataclass

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage.files import read_json
from age_gender_estimation.tasks.age_groups import AGE_GROUPS, parse_age_groups
from age_gender_estimation.tasks.labels import LABELS

POSITIVE = (
    "img_size",
    "max_age",
    "batch_size",
    "learning_rate",
    "num_steps",
    "eval_steps",
    "checkpoint_minutes",
    "log_steps",
    "age_sigma",
)


SHARES = ("body_rate", "age_balance", "augment_zoom", "augment_erase")
BELOW_ONE = ("dropout", "ema")
YEAR_ENCODINGS = ("classes", "soft", "regression")


def _field(default, help_text, is_fixed=False, choices=None, item_type=str):
    return dataclasses.field(
        default=default,
        metadata={
            "help": help_text,
            "is_fixed": is_fixed,
            "choices": choices,
            "item_type": item_type,
        },
    )


@dataclass(frozen=True)
class HParams:
    """Everything that decides a training run but its data. Fields marked fixed cannot change when a run is resumed."""

    tasks: tuple = _field(
        (),
        "what to learn, of age,gender,race; everything that the training CSV labels if empty",
        True,
    )
    backbone: str = _field("mobilenet_v3_small", "the shared network, see README", True)
    weights: str = _field(
        "none", "where the backbone starts: none, imagenet (downloaded), or a file, .h5 or .npz"
    )
    warm_start: str = _field(
        "none",
        "start all weights from a model, an export or a model folder, and take its shape over; not with --weights",
    )
    img_size: int = _field(112, "side of the network's input in pixels", True)
    mirror_border: tuple = _field(
        (),
        "mirror so many pixels outwards at the top, bottom, left and right, as 20,0,10,10: for weights that saw more "
        "around a face than the crops show",
        True,
        item_type=int,
    )
    dense_units: tuple = _field(
        (), "sizes of shared dense layers after the backbone, as 512,256", True, item_type=int
    )
    head_units: tuple = _field(
        (1024,), "sizes of the hidden layers in front of each head's answer", True, item_type=int
    )
    activation: str = _field("relu", "of the dense layers", True, ("relu", "leaky_relu"))
    dropout: float = _field(0.0, "share of the inputs of each head that a training step leaves out")
    max_age: int = _field(100, "ages end here; older labels teach the age head nothing", True)
    age_encoding: str = _field(
        "classes",
        "what the age head answers: classes (a year each), soft (the same, taught a Gaussian around the year), "
        "regression (years), or groups:3, groups:5, groups:10, or groups: and own ranges as 0-17,18-64,65-116",
        True,
    )
    age_sigma: float = _field(2.0, "of soft, in years", True)
    age_loss: str = _field("l1", "of regression", True, ("l1", "huber"))
    loss_weights: tuple = _field(
        (), "of tasks in the joint loss where it is not 1, as age=2,race=0.5", True
    )
    batch_size: int = _field(32, "examples per step")
    learning_rate: float = _field(1e-3, "of Adam, at its peak")
    warmup_steps: int = _field(0, "steps in which the learning rate rises from 0 to its peak")
    decay: str = _field(
        "cosine", "how the learning rate falls until the last step", choices=("none", "cosine")
    )
    body_rate: float = _field(
        1.0, "learning rate of the backbone as a share of the heads'; 0 freezes it for good"
    )
    freeze_steps: int = _field(0, "steps at the beginning in which only the heads learn")
    freeze_batch_norm: bool = _field(
        False,
        "keep the batch-norm statistics that the backbone started with; its own dropout is off, as in a frozen body",
    )
    weight_decay: float = _field(
        0.0, "of kernels, each step by this share times the learning rate (AdamW)"
    )
    clip_norm: float = _field(0.0, "scale gradients down to this global norm (0: never)")
    ema: float = _field(
        0.0,
        "evaluate and export moving averages of the weights with this decay, as 0.999 (0: none)",
        True,
    )
    flip_average: bool = _field(
        False, "evaluate and export the mean of the logits of a face and of its mirror image", True
    )
    num_steps: int = _field(200_000, "steps in total, those before a restart included")
    max_minutes: float = _field(0.0, "stop after this wall time (0: no limit), evaluate and export")
    eval_steps: int = _field(1000, "steps between evaluations, each with a checkpoint")
    checkpoint_minutes: float = _field(
        5.0, "minutes between checkpoints when evaluations are further apart"
    )
    early_stopping: int = _field(
        0, "stop when this many evaluations bring no better val_loss (0: never)"
    )
    log_steps: int = _field(50, "steps between progress lines and TensorBoard summaries")
    seed: int = _field(0, "of weights, shuffling and augmentation")
    age_balance: float = _field(
        0.0,
        "draw ages of rare decades more often: 0 as often as they come, 1 every decade equally often",
    )
    augment_flip: bool = _field(True, "mirror training pictures at random")
    augment_shift: float = _field(0.0, "move training pictures by up to this share of the side")
    augment_zoom: float = _field(0.0, "scale training pictures by up to 1 +- this")
    augment_rotation: float = _field(0.0, "turn training pictures by up to this many degrees")
    augment_color: float = _field(
        0.0, "change brightness, contrast, saturation of training pictures by up to this"
    )
    augment_erase: float = _field(0.0, "hide a rectangle of up to this share of a training picture")

    def __post_init__(self):
        for name in self.tasks:
            if name not in LABELS:
                raise SettingError(
                    f"--tasks: unknown task {name!r}; choose from: {', '.join(LABELS)}"
                )
        if len(set(self.tasks)) < len(self.tasks):
            raise SettingError(f"--tasks: expected every task once, got {','.join(self.tasks)}")
        for field in dataclasses.fields(self):
            value, is_positive = getattr(self, field.name), field.name in POSITIVE
            if field.type in (int, float) and not (
                0 < value < math.inf if is_positive else 0 <= value < math.inf
            ):
                bound = "more than 0" if is_positive else "0 or more, and finite"
                raise SettingError(
                    f"--{field.name.replace('_', '-')}: expected {bound}, got {value}"
                )
            if field.name == "seed" and value >= 2**32:
                raise SettingError(f"--seed: expected less than 2^32, got {value}")
            if field.name in SHARES and not value <= 1 or field.name in BELOW_ONE and not value < 1:
                bound = "from 0 to 1" if field.name in SHARES else "from 0 to less than 1"
                raise SettingError(
                    f"--{field.name.replace('_', '-')}: expected {bound}, got {value}"
                )
        if not all(size > 0 for size in (*self.dense_units, *self.head_units)):
            raise SettingError(
                "--dense-units, --head-units: expected sizes above 0, got "
                f"{self.dense_units} and {self.head_units}"
            )
        if self.max_age > LABELS["age"].highest:
            raise SettingError(
                f"--max-age: expected at most {LABELS['age'].highest}, got {self.max_age}"
            )
        if "none" not in (self.weights, self.warm_start):
            raise SettingError(
                f"expected one of --weights and --warm-start, got {self.weights} and {self.warm_start}"
            )
        self.network_size()
        self.age_groups()
        self.task_weights()

    def network_size(self):
        """Returns the side in pixels of what the backbone sees: a picture of img_size and the border around it."""
        border = self.mirror_border or (0, 0, 0, 0)
        if (
            len(border) != 4
            or min(border) < 0
            or sum(border[:2]) != sum(border[2:])
            or max(border) > self.img_size
        ):
            raise SettingError(
                f"--mirror-border: expected pixels at top, bottom, left and right, each 0 to {self.img_size} "
                f"(--img-size) and both pairs of equal sum, got {','.join(map(str, border))}"
            )
        return self.img_size + sum(border[:2])

    def age_groups(self):
        """Returns the ranges of years of the age head's classes, ((first, last), ...); None where it answers years."""
        kind, colon, groups = self.age_encoding.partition(":")
        if self.age_encoding in YEAR_ENCODINGS:
            return None
        if kind != "groups" or not colon:
            raise SettingError(
                f"--age-encoding: unknown {self.age_encoding!r}; choose from: {', '.join(YEAR_ENCODINGS)}, "
                + ", ".join(f"groups:{name}" for name in AGE_GROUPS)
                + ", or groups: and own ranges"
            )
        try:
            return parse_age_groups(groups)
        except ValueError as error:
            raise SettingError(f"--age-encoding {self.age_encoding}: {error}") from None

    def usable_ages(self):
        """Returns the ranges of years that the age head can learn, ((first, last), ...)."""
        return self.age_groups() or ((0, self.max_age),)

    def task_weights(self):
        """Returns {task: weight in the joint loss} of every task, 1 where none was set."""
        given = {}
        for text in self.loss_weights:
            name, _, value = text.partition("=")
            try:
                weight = float(value)
            except ValueError:
                weight = math.nan
            if not (name in LABELS and name not in given and 0 < weight < math.inf):
                raise SettingError(
                    "--loss-weights: expected TASK=WEIGHT with a weight above 0 and each task of "
                    f"{', '.join(LABELS)} once, got {text!r}"
                )
            given[name] = weight
        return {**dict.fromkeys(LABELS, 1.0), **given}

    def shape(self):
        """Returns {field: value} of what a warm start takes over: what fixes the network and the meaning of its answers."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.metadata["is_fixed"] and field.name not in ("tasks", "loss_weights")
        }

    def to_json(self):
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_dict(cls, values):
        """Returns the HParams of what `dataclasses.asdict` gave and JSON kept.

        Raises:
          ValueError, TypeError: that were other fields, or values of other types.
          SettingError: a value that is out of range.
        """
        if not isinstance(values, dict):
            raise TypeError(f"expected an object, got {type(values).__name__}")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        # JSON has no tuples.
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        for name, value in values.items():
            if name in fields and not _has_type(value, fields[name]):
                raise TypeError(f"{name}: expected {fields[name].type.__name__}, got {value!r:.80}")
        return cls(**values)


def load_hparams(model_dir):
    """Returns the HParams of a model folder.

    Raises:
      InputError: the folder holds no model, or its hparams.json is of another version.
    """
    path = os.path.join(model_dir, "hparams.json")
    try:
        return HParams.from_dict(read_json(path))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise InputError(
            f"{model_dir}: expected a model folder made by train.py, found no hparams.json in it"
        ) from None
    except (ValueError, TypeError, SettingError) as error:
        raise InputError(f"{path}: not the hyper-parameters of this version ({error})") from None


def check_resume(saved, wanted, model_dir):
    """Raises InputError where `wanted` changes a fixed field of the `saved` HParams of a model folder."""
    for field in dataclasses.fields(HParams):
        old, new = getattr(saved, field.name), getattr(wanted, field.name)
        if field.metadata["is_fixed"] and old != new:
            flag = f"--{field.name.replace('_', '-')}"
            raise InputError(
                f"{model_dir} was trained with {flag} {_show(old)}, got {_show(new)}; use that, or another "
                "--model-dir"
            )
    if (saved.body_rate == 0) != (
        wanted.body_rate == 0
    ):  # the optimizer has no state of a body that is never trained
        raise InputError(
            f"{model_dir} was trained with --body-rate {saved.body_rate}, got {wanted.body_rate}; 0 is "
            "for good, --freeze-steps for a time"
        )


def _has_type(value, field):
    if field.type is tuple:
        return isinstance(value, tuple) and all(
            type(item) is field.metadata["item_type"] for item in value
        )
    return type(value) is field.type or field.type is float and type(value) is int


def _show(value):
    return ",".join(str(item) for item in value) if isinstance(value, tuple) else value
