"""The hyper-parameters: the only place with defaults. Flags are made from the fields; model folders keep them as JSON."""
import dataclasses
import json
import os
from dataclasses import dataclass

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.tasks.labels import LABELS

POSITIVE = (
    "img_size", "max_age", "batch_size", "learning_rate", "num_steps", "eval_steps", "checkpoint_minutes", "log_steps")


def _field(default, help_text, is_fixed=False, choices=None):
    return dataclasses.field(
        default=default, metadata={"help": help_text, "is_fixed": is_fixed, "choices": choices})


@dataclass(frozen=True)
class HParams:
    """Everything that decides a training run but its data. Fields marked fixed cannot change when a run is resumed."""
    tasks: tuple = _field((), "what to learn, of age,gender,race; everything that the training CSV labels if empty", True)
    backbone: str = _field("mobilenet_v3_small", "the shared network, see README", True)
    weights: str = _field("none", "where the backbone starts: none, imagenet (downloaded), or a Keras .h5 file")
    img_size: int = _field(112, "side of the network's input in pixels", True)
    max_age: int = _field(100, "the age head has a class per year from 0 to this; older labels teach it nothing", True)
    batch_size: int = _field(32, "examples per step")
    learning_rate: float = _field(1e-3, "of Adam, at its peak")
    decay: str = _field("cosine", "how the learning rate falls until the last step", choices=("none", "cosine"))
    num_steps: int = _field(200_000, "steps in total, those before a restart included")
    max_minutes: float = _field(0.0, "stop after this wall time (0: no limit), evaluate and export")
    eval_steps: int = _field(1000, "steps between evaluations, each with a checkpoint")
    checkpoint_minutes: float = _field(5.0, "minutes between checkpoints when evaluations are further apart")
    early_stopping: int = _field(0, "stop when this many evaluations bring no better val_loss (0: never)")
    log_steps: int = _field(50, "steps between progress lines and TensorBoard summaries")
    seed: int = _field(0, "of weights, shuffling and augmentation")
    augment_flip: bool = _field(True, "mirror training pictures at random")
    augment_shift: float = _field(0.0, "move training pictures by up to this share of the side")
    augment_zoom: float = _field(0.0, "scale training pictures by up to 1 +- this")
    augment_color: float = _field(0.0, "change brightness, contrast, saturation of training pictures by up to this")

    def __post_init__(self):
        for name in self.tasks:
            if name not in LABELS:
                raise SettingError(f"--tasks: unknown task {name!r}; choose from: {', '.join(LABELS)}")
        for field in dataclasses.fields(self):
            value, is_positive = getattr(self, field.name), field.name in POSITIVE
            if field.type in (int, float) and not (value > 0 if is_positive else value >= 0):
                bound = "more than 0" if is_positive else "0 or more"
                raise SettingError(f"--{field.name.replace('_', '-')}: expected {bound}, got {value}")
        if self.max_age > LABELS["age"].highest:
            raise SettingError(f"--max-age: expected at most {LABELS['age'].highest}, got {self.max_age}")

    def to_json(self):
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text):
        values = json.loads(text)
        return cls(**{**values, "tasks": tuple(values["tasks"])})


def load_hparams(model_dir):
    """Returns the HParams of a model folder.

    Raises:
      InputError: the folder holds no model, or its hparams.json is of another version.
    """
    path = os.path.join(model_dir, "hparams.json")
    try:
        with open(path, encoding="utf-8") as file:
            return HParams.from_json(file.read())
    except OSError:
        raise InputError(f"{model_dir}: expected a model folder made by train.py, found no hparams.json in it") from None
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: not the hyper-parameters of this version ({error})") from None


def check_resume(saved, wanted, model_dir):
    """Raises InputError where `wanted` changes a fixed field of the `saved` HParams of a model folder."""
    for field in dataclasses.fields(HParams):
        old, new = getattr(saved, field.name), getattr(wanted, field.name)
        if field.metadata["is_fixed"] and old != new:
            flag = f"--{field.name.replace('_', '-')}"
            raise InputError(f"{model_dir} was trained with {flag} {_show(old)}, got {_show(new)}; use that, or another "
                             "--model-dir")


def _show(value):
    return ",".join(value) if isinstance(value, tuple) else value
