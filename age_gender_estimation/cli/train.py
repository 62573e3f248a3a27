"""Trains a model on face crops, and exports the best checkpoint.

    bin/train.py --img-dir var/crop --train-csv var/train.csv --val-csv var/val.csv \\
        --model-dir var/cnn-model
    bin/train.py --img-dir my/crop --train-csv my/train.csv --val-csv my/val.csv \\
        --model-dir my/model --warm-start pretrained

The same command again resumes a training that was stopped.
"""

import argparse
import os
import signal
import sys

from age_gender_estimation.cli.arguments import (
    add_fields,
    add_geometry_flag,
    given_fields,
    make_parser,
)
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.data.crop_geometry import geometry_of, require_one_geometry
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.training.continuation import make_hparams
from age_gender_estimation.training.distributed.cluster import DISTRIBUTE, read_cluster
from age_gender_estimation.training.hparams import HParams

DEVICES = ("auto", "cpu", "gpu")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    hparams = make_hparams(given_fields(args, HParams))
    cluster = read_cluster(args.distribute, os.environ.pop("TF_CONFIG", ""))
    train = open_manifests(args.train_csv, args.img_dir)
    val = open_manifests(args.val_csv, args.val_img_dir or args.img_dir)
    if not args.allow_other_geometry:
        models = [*hparams.teacher, *filter("none".__ne__, [hparams.warm_start])]
        require_one_geometry(
            [manifest.path for manifest in train + val],
            {model: geometry_of(model) for model in models},
        )

    # TensorFlow takes seconds to load: after everything that can be refused without it.
    from age_gender_estimation.data.manifest import divide_validation
    from age_gender_estimation.export.calibration import calibrate
    from age_gender_estimation.export.saved_model import export_model
    from age_gender_estimation.training.run import run_training

    choosing, calibrating = divide_validation(val)
    outcome = run_training(
        hparams, train, choosing, args.model_dir, args.device, args.distribute, cluster
    )
    if outcome.is_terminated:
        print(f"stopped; the same command resumes {args.model_dir}", file=sys.stderr)
        return 128 + signal.SIGTERM
    if outcome.best is None:  # the chief does the rest
        return 0
    metrics = {name: value for name, value in outcome.best.items() if name != "step"}
    shown = ", ".join(f"{name} {value:.3f}" for name, value in metrics.items())
    print(f"best: step {outcome.best['step']}, {shown}")
    if calibrating:
        calibrate(args.model_dir, calibrating)
    else:
        print(
            f"not calibrated: no validation manifest has {MIN_ROWS} rows, to use a third of them",
            file=sys.stderr,
        )
    print(f"exported: {export_model(args.model_dir)}")
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Returns the parsed command line; exits with code 2 where it is wrong."""
    parser = make_parser("age-gender train", __doc__)
    data = parser.add_argument_group("data")
    data.add_argument(
        "--img-dir", required=True, nargs="+", help="image folder of all manifests, or one for each"
    )
    data.add_argument(
        "--train-csv",
        required=True,
        nargs="+",
        help="manifests to train on; utk.csv:race uses only the labels of race in utk.csv",
    )
    data.add_argument(
        "--val-csv",
        required=True,
        nargs="+",
        help="manifests that choose the best checkpoint and calibrate it, see docs/training.md",
    )
    data.add_argument(
        "--val-img-dir",
        nargs="+",
        help="image folders of --val-csv; those of --img-dir if not given",
    )
    data.add_argument(
        "--model-dir",
        required=True,
        help="model folder to write: checkpoints, best/, eval.json, serving/",
    )
    add_geometry_flag(data)
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default=os.environ.get("AGE_GENDER_DEVICE", "auto"),
        help="where to train; auto uses a GPU if there is one, gpu fails without one",
    )
    parser.add_argument(
        "--distribute",
        choices=DISTRIBUTE,
        default=DISTRIBUTE[0],
        help="mirrored: all GPUs of this machine; multi_worker: the machines in TF_CONFIG",
    )
    add_fields(parser, HParams)
    args = parser.parse_args(argv)
    if args.device not in DEVICES:  # argparse does not check defaults
        parser.error(f"AGE_GENDER_DEVICE: expected auto, cpu or gpu, got {args.device!r}")
    return args
