"""The hyper-parameters of a training: the one place with their defaults, ranges and help texts.

Flags are made from the fields, and a model folder keeps them in hparams.json.
"""

import dataclasses
import math
import os
from dataclasses import dataclass
from typing import Any

from age_gender_estimation.errors import SettingError
from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.storage.model_folder import ModelFolder
from age_gender_estimation.tasks.age_groups import AGE_GROUPS, parse_age_groups
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.fields import check_field, setting

YEAR_ENCODINGS = ("classes", "soft", "regression")
# Groups of flags in `age-gender train --help`.
TASKS, NETWORK, START = "tasks and labels", "network", "starting weights"
OPTIMIZATION, SCHEDULE = "optimization", "schedule and evaluation"
AUGMENTATION = "augmentation"


@dataclass(frozen=True)
class HParams:
    """Everything that decides a training run except its data.

    Raises:
      SettingError: a value of the wrong type or out of its range, or values that contradict each other.
    """

    tasks: tuple[str, ...] = setting(
        TASKS,
        (),
        "tasks to learn, such as age,gender; all that the training manifests label if not given",
        is_fixed=True,
        choices=LABELS,
    )
    max_age: int = setting(
        TASKS,
        100,
        "highest age in years that the age head predicts; higher labels count as not labelled",
        is_fixed=True,
        above=0,
        maximum=LABELS["age"].highest,
    )
    age_encoding: str = setting(
        TASKS,
        "classes",
        "what the age head predicts: classes (one per year), soft (one per year, trained on a "
        "Gaussian around the label), regression (a number of years), groups:3, groups:5, "
        "groups:10, or your own groups such as groups:0-17,18-64,65-116",
        is_fixed=True,
    )
    age_sigma: float = setting(
        TASKS,
        2.0,
        "standard deviation in years of the Gaussian of --age-encoding soft",
        is_fixed=True,
        above=0,
    )
    age_loss: str = setting(
        TASKS, "l1", "loss of --age-encoding regression", is_fixed=True, choices=("l1", "huber")
    )
    loss_weights: tuple[str, ...] = setting(
        TASKS,
        (),
        "weights of tasks in the joint loss, such as age=2,race=0.5; 1 for tasks not named",
        is_fixed=True,
    )
    age_balance: float = setting(
        TASKS,
        0.0,
        "how far to sample rare decades of age more often: 0 leaves them as frequent as they are, "
        "1 makes all decades equally frequent",
        maximum=1,
    )

    backbone: str = setting(
        NETWORK,
        "mobilenet_v3_small",
        "the network that all tasks share",
        is_fixed=True,
        choices=BACKBONES,
    )
    img_size: int = setting(
        NETWORK, 112, "side of the network's input in pixels", is_fixed=True, above=0
    )
    mirror_border: tuple[int, ...] = setting(
        NETWORK,
        (),
        "pixels to add around the input by mirroring, at the top, bottom, left and right, such as "
        "20,0,10,10: for backbone weights that were trained with a wider crop",
        is_fixed=True,
    )
    dense_units: tuple[int, ...] = setting(
        NETWORK,
        (),
        "sizes of dense layers between the backbone and all heads, such as 512,256",
        is_fixed=True,
        above=0,
    )
    head_units: tuple[int, ...] = setting(
        NETWORK, (1024,), "sizes of the hidden layers of each head", is_fixed=True, above=0
    )
    activation: str = setting(
        NETWORK,
        "relu",
        "activation of the dense and hidden layers",
        is_fixed=True,
        choices=("relu", "leaky_relu"),
    )
    dropout: float = setting(
        NETWORK, 0.0, "share of each head's inputs that a training step drops", below=1
    )
    flip_average: bool = setting(
        NETWORK,
        False,
        "evaluate and export the mean of the logits of each face and of its mirror image",
        is_fixed=True,
    )

    weights: str = setting(
        START,
        "none",
        "initial weights of the backbone: none, imagenet (downloaded), or a .h5 or .npz file",
    )
    warm_start: str = setting(
        START,
        "none",
        "model folder or export to take the architecture and all weights from; "
        "cannot be combined with --weights",
    )

    batch_size: int = setting(OPTIMIZATION, 32, "examples per training step", above=0)
    learning_rate: float = setting(OPTIMIZATION, 1e-3, "highest learning rate of Adam", above=0)
    warmup_steps: int = setting(
        OPTIMIZATION, 0, "steps in which the learning rate rises from 0 to --learning-rate"
    )
    decay: str = setting(
        OPTIMIZATION,
        "cosine",
        "how the learning rate falls until the last step",
        choices=("none", "cosine"),
    )
    backbone_rate: float = setting(
        OPTIMIZATION,
        1.0,
        "learning rate of the backbone as a share of the heads'; 0 never trains the backbone",
        maximum=1,
        old_name="body_rate",
    )
    freeze_steps: int = setting(OPTIMIZATION, 0, "first steps, in which only the heads are trained")
    freeze_batch_norm: bool = setting(
        OPTIMIZATION,
        False,
        "keep the backbone's initial batch-norm statistics, and train it without dropout",
    )
    weight_decay: float = setting(
        OPTIMIZATION,
        0.0,
        "decoupled weight decay of kernels, relative to the learning rate (AdamW)",
    )
    clip_norm: float = setting(
        OPTIMIZATION, 0.0, "largest global norm of the gradients; 0 does not clip them"
    )
    ema: float = setting(
        OPTIMIZATION,
        0.0,
        "decay of moving averages of the weights, which are evaluated and exported in place of the "
        "weights, such as 0.999; 0 turns them off",
        is_fixed=True,
        below=1,
    )
    seed: int = setting(
        OPTIMIZATION, 0, "seed of initial weights, shuffling and augmentation", maximum=2**32 - 1
    )

    num_steps: int = setting(
        SCHEDULE, 200_000, "training steps in total, including those before a restart", above=0
    )
    max_minutes: float = setting(
        SCHEDULE, 0.0, "stop after this many minutes, then evaluate and export; 0 sets no limit"
    )
    eval_steps: int = setting(
        SCHEDULE, 1000, "steps between two evaluations, each of a new checkpoint", above=0
    )
    checkpoint_minutes: float = setting(
        SCHEDULE, 5.0, "longest time in minutes between two checkpoints", above=0
    )
    early_stopping: int = setting(
        SCHEDULE, 0, "stop after this many evaluations without a lower val_loss; 0 never stops"
    )
    log_steps: int = setting(
        SCHEDULE, 50, "steps between two progress lines, and between TensorBoard summaries", above=0
    )

    augment_flip: bool = setting(AUGMENTATION, True, "mirror training images at random")
    augment_shift: float = setting(
        AUGMENTATION, 0.0, "shift training images at random by up to this share of their side"
    )
    augment_zoom: float = setting(
        AUGMENTATION, 0.0, "scale training images at random by a factor of 1 +- this", maximum=1
    )
    augment_rotation: float = setting(
        AUGMENTATION, 0.0, "rotate training images at random by up to this many degrees"
    )
    augment_color: float = setting(
        AUGMENTATION,
        0.0,
        "change brightness, contrast and saturation of training images at random by up to this share",
    )
    augment_erase: float = setting(
        AUGMENTATION,
        0.0,
        "hide a random rectangle of up to this share of a training image",
        maximum=1,
    )

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
        """Returns the groups of years of the age head, ((first, last), ...); None if it predicts years."""
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

    def usable_ages(self) -> tuple[tuple[int, int], ...]:
        """Returns the ranges of years that the age head can learn, ((first, last), ...)."""
        return self.age_groups() or ((0, self.max_age),)

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
        """Returns {field: value} of what a warm start inherits: the network and what it predicts."""
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
        fields = dataclasses.fields(cls)
        new_names = {field.metadata["old_name"] or field.name: field.name for field in fields}
        # JSON has no tuples.
        return cls(
            **{
                new_names.get(name, name): tuple(value) if isinstance(value, list) else value
                for name, value in values.items()
            }
        )


def load_hparams(model_dir: str | os.PathLike[str]) -> HParams:
    """Returns the HParams of a model folder.

    Raises:
      InputError: the folder holds no model, or its hparams.json is damaged or of another version.
    """
    return ModelFolder(model_dir).read_hparams(HParams.from_dict)
