#!/usr/bin/env python3
"""Predicts age, gender and race of the faces in photos, with a model that train.py exported.

    bin/predict.py --model-dir var/cnn-model --image-path photo.jpg
    bin/predict.py --model-dir var/cnn-model --image-path holidays/ 'more/*.jpg' --format csv --output faces.csv

A line per face. A picture that a manifest lists is a face crop already and taken whole; in others faces are searched.
"""
import glob
import os
import sys

from command_line import make_parser, positive, run
from tqdm import tqdm

from age_gender_estimation.errors import InputError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--image-path", required=True, nargs="+", help="photos, folders or globs")
    parser.add_argument("--model-dir", required=True, help="an export, or a model folder (its newest export)")
    parser.add_argument("--face-detector", choices=("mtcnn", "none"), default="mtcnn", help="none takes pictures whole")
    parser.add_argument("--csv", help="manifest with true labels, shown as Actual")
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", help="of the answers")
    parser.add_argument("--output", help="file for the answers; standard output if not given")
    parser.add_argument("--batch-size", type=positive, default=32, help="faces that the model sees at once")
    args = parser.parse_args()
    paths = find_photos(args.image_path)

    from age_gender_estimation.evaluation.known_labels import KnownLabels
    from age_gender_estimation.serving.output import write_records
    from age_gender_estimation.serving.photos import predict_photos
    from age_gender_estimation.serving.predictor import Predictor
    known = KnownLabels(args.csv)
    records = predict_photos(
        Predictor(args.model_dir), tqdm(paths, unit="photos", disable=len(paths) < 100),
        lambda path: args.face_detector == "none" or known.find(path)[1], args.batch_size)
    pairs = ((record, known.find(record.file)[0]) for record in records)
    if args.output:
        # Written under another name first: an output that is there is a whole one.
        with open(f"{args.output}.tmp", "w", encoding="utf-8", errors="surrogateescape") as file:
            num_answers, num_errors = write_records(pairs, args.format, len(paths) > 1, file.write)
        os.replace(f"{args.output}.tmp", args.output)
    else:
        sys.stdout.reconfigure(errors="surrogateescape")
        num_answers, num_errors = write_records(pairs, args.format, len(paths) > 1, sys.stdout.write)
    if num_errors and len(paths) > 1:
        print(f"{num_answers} faces answered, {num_errors} photos without an answer", file=sys.stderr)
    return 0 if num_answers else 1


def find_photos(patterns):
    """Returns the photos that paths, folders (with their subfolders) and globs stand for; each pattern sorted."""
    paths = []
    for pattern in patterns:
        if os.path.isdir(pattern):
            found = [os.path.join(folder, name) for folder, _, names in os.walk(pattern) for name in names
                     if name.lower().endswith(ENDINGS)]
        else:
            found = [pattern] if os.path.exists(pattern) else glob.glob(pattern, recursive=True)
        if not found:
            raise InputError(f"--image-path {pattern}: expected a photo, a folder with photos or a glob, found nothing")
        paths.extend(sorted(found))
    return paths


if __name__ == "__main__":
    run(main)
