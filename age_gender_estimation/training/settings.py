"""The settings of a training with their defaults, ranges and help texts: the only place for them.

Flags are made from the fields, in groups, and a model folder keeps them in hparams.json.
"""

import functools
from dataclasses import dataclass

from age_gender_estimation.networks.backbones import BACKBONES
from age_gender_estimation.tasks.labels import LABELS
from age_gender_estimation.training.fields import setting

# A function per group of flags in `age-gender train --help`.
_labels = functools.partial(setting, "tasks and labels")
_network = functools.partial(setting, "network")
_starting = functools.partial(setting, "starting weights")
_optimization = functools.partial(setting, "optimization")
_schedule = functools.partial(setting, "schedule and evaluation")
_augmentation = functools.partial(setting, "augmentation")


@dataclass(frozen=True)
class Settings:
    """The fields of training.hparams.HParams, which checks them."""

    tasks: tuple[str, ...] = _labels(
        (),
        "tasks to learn, such as age,gender; all that the training manifests label if not given",
        is_fixed=True,
        choices=LABELS,
    )
    max_age: int = _labels(
        100,
        "highest age in years that the age head predicts; higher labels count as not labelled",
        is_fixed=True,
        above=0,
        maximum=LABELS["age"].highest,
    )
    age_encoding: str = _labels(
        "classes",
        "what the age head predicts: classes (one per year), soft (one per year, trained on a "
        "Gaussian around the label), mean_variance (one per year, loss of Pan et al., 2018), "
        "coral (ordinal regression, Cao et al., 2020), regression (a number of years), groups:3, "
        "groups:5, groups:10, or your own groups such as groups:0-17,18-64,65-116",
        is_fixed=True,
    )
    age_sigma: float = _labels(
        2.0,
        "standard deviation in years of the Gaussian of --age-encoding soft",
        is_fixed=True,
        above=0,
    )
    age_loss: str = _labels(
        "l1", "loss of --age-encoding regression", is_fixed=True, choices=("l1", "huber")
    )
    loss_weights: tuple[str, ...] = _labels(
        (),
        "weights of tasks in the joint loss, such as age=2,race=0.5; 1 for tasks not named",
        is_fixed=True,
    )
    age_balance: float = _labels(
        0.0,
        "how far to sample rare decades of age more often: 0 leaves them as frequent as they are, "
        "1 makes all decades equally frequent",
        maximum=1,
    )
    source_weights: tuple[float, ...] = _labels(
        (),
        "how often to draw the rows of each training manifest, relative to those of the others, "
        "such as 2,1,1; equally often if not given",
        above=0,
    )

    backbone: str = _network(
        "mobilenet_v3_small", "the network that all tasks share", is_fixed=True, choices=BACKBONES
    )
    img_size: int = _network(112, "side of the network's input in pixels", is_fixed=True, above=0)
    mirror_border: tuple[int, ...] = _network(
        (),
        "pixels to add around the input by mirroring, at the top, bottom, left and right, such as "
        "20,0,10,10: for backbone weights that were trained with a wider crop",
        is_fixed=True,
    )
    dense_units: tuple[int, ...] = _network(
        (),
        "sizes of dense layers between the backbone and all heads, such as 512,256",
        is_fixed=True,
        above=0,
    )
    head_units: tuple[int, ...] = _network(
        (1024,), "sizes of the hidden layers of each head", is_fixed=True, above=0
    )
    activation: str = _network(
        "relu",
        "activation of the dense and hidden layers",
        is_fixed=True,
        choices=("relu", "leaky_relu"),
    )
    dropout: float = _network(
        0.0, "share of each head's inputs that a training step drops", below=1
    )
    flip_average: bool = _network(
        False,
        "evaluate and export the mean of the logits of each face and of its mirror image",
        is_fixed=True,
    )

    weights: str = _starting(
        "none",
        "initial weights of the backbone: none, imagenet (downloaded), or a .h5 or .npz file",
    )
    warm_start: str = _starting(
        "none",
        "model folder or export to take the architecture and all weights from; "
        "cannot be combined with --weights",
    )
    teacher: tuple[str, ...] = _starting(
        (),
        "exports or model folders, separated by commas, whose mean answers to the training crops "
        "are learned beside the labels",
    )
    teacher_weight: float = _starting(
        1.0, "weight of the divergence from the teachers' answers, beside the joint loss"
    )

    batch_size: int = _optimization(32, "examples per training step", above=0)
    learning_rate: float = _optimization(1e-3, "highest learning rate of Adam", above=0)
    warmup_steps: int = _optimization(
        0, "steps in which the learning rate rises from 0 to --learning-rate"
    )
    decay: str = _optimization(
        "cosine", "how the learning rate falls until the last step", choices=("none", "cosine")
    )
    backbone_rate: float = _optimization(
        1.0,
        "learning rate of the backbone as a share of the heads'; 0 never trains the backbone",
        maximum=1,
        old_name="body_rate",
    )
    freeze_steps: int = _optimization(0, "first steps, in which only the heads are trained")
    freeze_batch_norm: bool = _optimization(
        False, "keep the backbone's initial batch-norm statistics, and train it without dropout"
    )
    weight_decay: float = _optimization(
        0.0, "decoupled weight decay of kernels, relative to the learning rate (AdamW)"
    )
    clip_norm: float = _optimization(
        0.0, "largest global norm of the gradients; 0 does not clip them"
    )
    ema: float = _optimization(
        0.0,
        "decay of moving averages of the weights, which are evaluated and exported in place of the "
        "weights, such as 0.999; 0 turns them off",
        is_fixed=True,
        below=1,
    )
    seed: int = _optimization(
        0, "seed of initial weights, shuffling and augmentation", maximum=2**32 - 1
    )

    num_steps: int = _schedule(
        200_000, "training steps in total, including those before a restart", above=0
    )
    max_minutes: float = _schedule(
        0.0, "stop after this many minutes, then evaluate and export; 0 sets no limit"
    )
    eval_steps: int = _schedule(
        1000, "steps between two evaluations, each of a new checkpoint", above=0
    )
    checkpoint_minutes: float = _schedule(
        5.0, "longest time in minutes between two checkpoints", above=0
    )
    early_stopping: int = _schedule(
        0, "stop after this many evaluations without a lower val_loss; 0 never stops"
    )
    log_steps: int = _schedule(
        50, "steps between two progress lines, and between TensorBoard summaries", above=0
    )

    augment_flip: bool = _augmentation(True, "mirror training images at random")
    augment_shift: float = _augmentation(
        0.0, "shift training images at random by up to this share of their side"
    )
    augment_zoom: float = _augmentation(
        0.0, "scale training images at random by a factor of 1 +- this", maximum=1
    )
    augment_rotation: float = _augmentation(
        0.0, "rotate training images at random by up to this many degrees"
    )
    augment_color: float = _augmentation(
        0.0, "change brightness, contrast and saturation of training images at random by up to this"
    )
    augment_erase: float = _augmentation(
        0.0, "hide a random rectangle of up to this share of a training image", maximum=1
    )
    augment_grey: float = _augmentation(
        0.0, "probability that a training image is made grey", maximum=1
    )
    augment_blur: float = _augmentation(
        0.0,
        "probability that a training image is blurred, by a Gaussian of 0.005 to 0.02 of its side",
        maximum=1,
    )
    augment_downscale: float = _augmentation(
        0.0,
        "probability that a training image is scaled down to a side of 20 to 60 pixels and up "
        "again, as small faces are",
        maximum=1,
    )
    augment_jpeg: float = _augmentation(
        0.0,
        "probability that a training image is compressed as JPEG with a quality of 15 to 60",
        maximum=1,
    )
