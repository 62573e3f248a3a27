"""Exports the best checkpoint of a model folder, as a SavedModel or for TensorFlow Lite.

bin/export.py --model-dir var/cnn-model
bin/export.py --model-dir var/cnn-model --format tflite
bin/export.py --model-dir var/cnn-model --val-csv var/val.csv --img-dir var/crop     # calibrates it again first
"""

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.data.splits import MIN_ROWS
from age_gender_estimation.errors import InputError


def main(argv=None):
    parser = make_parser("age-gender export", __doc__)
    parser.add_argument("--model-dir", required=True, help="folder made by train.py")
    parser.add_argument(
        "--format",
        choices=("saved-model", "tflite"),
        default="saved-model",
        help="tflite: 16-bit weights, for phones and small computers",
    )
    parser.add_argument(
        "--val-csv",
        nargs="+",
        help="the manifests of train.py: calibrate with their second part first",
    )
    parser.add_argument(
        "--img-dir", nargs="+", help="folder of their crops; one for all or one for each"
    )
    args = parser.parse_args(argv)
    if bool(args.val_csv) != bool(args.img_dir):
        parser.error("--val-csv and --img-dir: expected both or none")

    if args.val_csv:
        calibrate_again(args)
    if args.format == "tflite":
        from age_gender_estimation.export.tflite import export_tflite as export
    else:
        from age_gender_estimation.export.saved_model import export_model as export
    print(f"exported: {export(args.model_dir)}")


def calibrate_again(args):
    """Fits the calibration of the checkpoint that is to be exported.

    Raises:
      InputError: all lists are too short to keep a part for that.
    """
    from age_gender_estimation.data.manifest import divide_validation
    from age_gender_estimation.export.calibration import calibrate
    from age_gender_estimation.export.saved_model import best_checkpoint

    _, calibrating = divide_validation(open_manifests(args.val_csv, args.img_dir))
    if not calibrating:
        raise InputError(
            f"--val-csv: expected at least {MIN_ROWS} rows in a list, of which a third calibrates"
        )
    calibrate(args.model_dir, best_checkpoint(args.model_dir), calibrating)
