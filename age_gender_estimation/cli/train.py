"""Trains a model on face crops and exports the best checkpoint; started again, it goes on where it was.

bin/train.py --img-dir var/crop --train-csv var/train.csv --val-csv var/val.csv --model-dir var/cnn-model
bin/train.py --img-dir my/crop --train-csv my/train.csv --val-csv my/val.csv --model-dir my/model --warm-start pretrained
"""

import os
import signal
import sys

from age_gender_estimation.cli.arguments import add_fields, from_args, make_parser
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.training.distributed.cluster import DISTRIBUTE, read_cluster
from age_gender_estimation.training.hparams import HParams


def main(argv=None):
    parser = make_parser("age-gender train", __doc__)
    parser.add_argument(
        "--img-dir",
        required=True,
        nargs="+",
        help="folder of the crops; one for all CSVs or one for each",
    )
    parser.add_argument(
        "--train-csv",
        required=True,
        nargs="+",
        help="manifests to learn from; utk.csv:race: only races",
    )
    parser.add_argument(
        "--val-csv",
        required=True,
        nargs="+",
        help="manifests that choose and calibrate the best checkpoint, see README",
    )
    parser.add_argument(
        "--val-img-dir", nargs="+", help="the same for --val-csv; --img-dir if not given"
    )
    parser.add_argument(
        "--model-dir", required=True, help="gets checkpoints, best/, eval.json, serving/"
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default=os.environ.get("AGE_GENDER_DEVICE", "auto"),
        help="gpu fails where there is none",
    )
    parser.add_argument(
        "--distribute",
        choices=DISTRIBUTE,
        default=DISTRIBUTE[0],
        help="mirrored: all GPUs of this machine; multi_worker: the machines in TF_CONFIG, see README",
    )
    add_fields(parser, HParams)
    args = parser.parse_args(argv)
    if args.warm_start != "none":
        args = inherit_architecture(parser, argv, args.warm_start)
    if args.device not in ("auto", "cpu", "gpu"):  # argparse does not check defaults
        parser.error(f"AGE_GENDER_DEVICE: expected auto, cpu or gpu, got {args.device!r}")
    hparams = from_args(args, HParams)
    cluster = read_cluster(args.distribute, os.environ.pop("TF_CONFIG", ""))
    train = open_manifests(args.train_csv, args.img_dir)
    val = open_manifests(args.val_csv, args.val_img_dir or args.img_dir)

    # TensorFlow takes seconds to load: after everything that can be refused without it.
    from age_gender_estimation.data.manifest import divide_validation
    from age_gender_estimation.export.calibration import calibrate
    from age_gender_estimation.export.saved_model import best_checkpoint, export_model
    from age_gender_estimation.training.distributed.distribution import Distribution
    from age_gender_estimation.training.train import require_device, train_and_evaluate

    require_device(args.device)
    at_rest = signal.getsignal(signal.SIGTERM)
    if cluster:  # while TensorFlow waits for the others, no handler of Python's would run
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    distribution = Distribution(args.distribute, cluster, hparams.batch_size, leave)
    told_to_stop = []
    signal.signal(signal.SIGTERM, lambda number, _: told_to_stop.append(number))
    choosing, calibrating = divide_validation(val)
    best = train_and_evaluate(
        hparams, train, choosing, args.model_dir, lambda: bool(told_to_stop), distribution
    )
    signal.signal(signal.SIGTERM, at_rest)
    if told_to_stop or distribution.is_terminated:
        print(
            f"stopped; the same command goes on from the checkpoint in {args.model_dir}",
            file=sys.stderr,
        )
        return 128 + signal.SIGTERM
    if not distribution.is_chief:
        return
    print(
        f"best: step {best['step']}, "
        + ", ".join(f"{key} {value:.3f}" for key, value in best.items() if key != "step")
    )
    if calibrating:
        calibrate(args.model_dir, best_checkpoint(args.model_dir), calibrating)
    else:
        print(
            f"not calibrated: no validation list has {MIN_ROWS} rows, of which a third would calibrate",
            file=sys.stderr,
        )
    print(f"exported: {export_model(args.model_dir)}")


def leave(reason):
    """Ends the process, from whatever thread."""
    print(f"error: {reason}", file=sys.stderr, flush=True)
    os._exit(1)


def inherit_architecture(parser, argv, model_dir):
    """Returns the arguments, with those that fix a network's shape as in the model to start from unless they are given.

    Raises:
      InputError: it is no export of this version.
      SettingError: given ones ask for another backbone.
    """
    from age_gender_estimation.predict.predictor import find_export, load_description

    export = find_export(model_dir)
    try:
        shape = HParams.from_dict(load_description(export)["hparams"]).shape()
    except (LookupError, TypeError, SettingError) as error:
        raise InputError(
            f"--warm-start: {export} is of another version ({error}); export its model folder again"
        ) from None
    parser.set_defaults(**shape)
    args = parser.parse_args(argv)
    args.warm_start = export
    for name in ("backbone", "img_size"):
        if getattr(args, name) != shape[name]:
            raise SettingError(
                f"--{name.replace('_', '-')}: {model_dir} has {shape[name]}, got {getattr(args, name)}; "
                "leave it out, or start without --warm-start"
            )
    return args
