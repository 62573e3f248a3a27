"""Exports a trained model: as a SavedModel, an ONNX file, or for TensorFlow Lite.

    age-gender export --model-dir var/cnn-model
    age-gender export --model-dir var/cnn-model --format all
    age-gender export --model-dir var/cnn-model/serving/1700000000 --format onnx --img-dir var/crop
    age-gender export --model-dir var/cnn-model --val-csv var/val.csv --img-dir var/crop

A model folder gives its best checkpoint, with --val-csv calibrated again first. An export gives its
SavedModel in the other formats. An ONNX or TensorFlow Lite file is written only if it answers like
the SavedModel on the faces in --img-dir, or on drawn images if that is not given.
"""

import glob
import os

from age_gender_estimation.cli.arguments import add_geometry_flag, make_parser
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.errors import InputError


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("age-gender export", __doc__)
    add = parser.add_argument
    text = "model folder made by age-gender train, or an export to convert"
    add("--model-dir", required=True, help=text)
    text = (
        "onnx writes model.onnx beside the SavedModel, which predict prefers; tflite has 16-bit "
        "weights, for phones and small computers"
    )
    choices = ("saved-model", "onnx", "tflite", "all")
    add("--format", choices=choices, default="saved-model", help=text)
    text = "give the tflite model 8-bit weights and activations, and print what that costs"
    add("--int8", action="store_true", help=text)
    text = (
        "validation manifests of the training, to calibrate a model folder again with a third of "
        "their rows; their faces are compared"
    )
    add("--val-csv", nargs="+", help=text)
    text = "image folder of all --val-csv, or one for each; without --val-csv, folders of faces"
    add("--img-dir", nargs="+", help=text)
    add_geometry_flag(parser)
    args = parser.parse_args(argv)
    if args.val_csv and not args.img_dir:
        parser.error("--val-csv: expected --img-dir beside it")

    from age_gender_estimation.export.formats import FORMATS, export_formats

    faces = _find_faces(args)
    formats = FORMATS if args.format == "all" else (args.format,)
    for line in export_formats(args.model_dir, formats, faces, args.int8):
        print(line, flush=True)


def _find_faces(args):
    """Returns the paths of faces, after calibrating a model folder with those of --val-csv."""
    if not args.val_csv:
        return [path for folder in args.img_dir or [] for path in _list_photos(folder)]
    from age_gender_estimation.data.crop_geometry import geometry_of, require_one_geometry
    from age_gender_estimation.data.manifest import divide_validation, paths_of
    from age_gender_estimation.storage.model_folder import ModelFolder

    manifests = open_manifests(args.val_csv, args.img_dir)
    if not args.allow_other_geometry:
        paths = [manifest.path for manifest in manifests]
        require_one_geometry(paths, {args.model_dir: geometry_of(args.model_dir)})
    if ModelFolder(args.model_dir).has_hparams():
        from age_gender_estimation.export.calibration import calibrate

        calibrate(args.model_dir, divide_validation(manifests)[1])
    return paths_of(manifests)


def _list_photos(folder):
    from age_gender_estimation.predict.inputs import PHOTO_ENDINGS

    found = glob.glob(os.path.join(glob.escape(folder), "**"), recursive=True)
    photos = sorted(path for path in found if path.lower().endswith(PHOTO_ENDINGS))
    if not photos:
        raise InputError(f"--img-dir {folder}: expected a folder with face crops, found none in it")
    return photos
