"""Exports the best checkpoint of a model folder, as a SavedModel or for TensorFlow Lite.

    bin/export.py --model-dir var/cnn-model
    bin/export.py --model-dir var/cnn-model --format tflite
    bin/export.py --model-dir var/cnn-model --val-csv var/val.csv --img-dir var/crop

With --val-csv, it is calibrated again first.
"""

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.manifests import open_manifests


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("age-gender export", __doc__)
    parser.add_argument("--model-dir", required=True, help="model folder made by age-gender train")
    parser.add_argument(
        "--format",
        choices=("saved-model", "tflite"),
        default="saved-model",
        help="kind of model; tflite has 16-bit weights, for phones and small computers",
    )
    parser.add_argument(
        "--val-csv",
        nargs="+",
        help="validation manifests of the training, to calibrate again with a third of their rows",
    )
    parser.add_argument(
        "--img-dir", nargs="+", help="image folder of all --val-csv, or one for each"
    )
    args = parser.parse_args(argv)
    if bool(args.val_csv) != bool(args.img_dir):
        parser.error("--val-csv and --img-dir: expected both or none")

    if args.val_csv:
        from age_gender_estimation.data.manifest import divide_validation
        from age_gender_estimation.export.calibration import calibrate

        _, calibrating = divide_validation(open_manifests(args.val_csv, args.img_dir))
        calibrate(args.model_dir, calibrating)
    if args.format == "tflite":
        from age_gender_estimation.export.tflite import export_tflite as export
    else:
        from age_gender_estimation.export.saved_model import export_model as export
    print(f"exported: {export(args.model_dir)}")
