#!/usr/bin/env python3
"""Predicts age, gender and race of the faces in photos, with a model that train.py exported.

    bin/predict.py --model-dir var/cnn-model --image-path photo.jpg
    bin/predict.py --model-dir var/cnn-model --image-path holidays/ 'more/*.jpg' --format csv --output faces.csv

A line per face. A picture that a manifest lists is a face crop already and taken whole; in others faces are searched.
"""
import glob
import hashlib
import os
import sys

from command_line import make_parser, positive, ratio, run
from tqdm import tqdm

from age_gender_estimation.data.files import write_file
from age_gender_estimation.errors import InputError, SettingError

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
    parser.add_argument("--min-confidence", type=ratio, default=0.0,
                        help="gender, race and age range are answered as unknown below this")
    parser.add_argument("--draw", metavar="DIR", help="folder for copies of the photos with boxes and labels in them")
    args = parser.parse_args()
    photos = find_photos(args.image_path)
    paths = list(photos)
    if args.draw:
        refuse_own_folder(args.draw, paths)

    from age_gender_estimation.evaluation.known_labels import KnownLabels
    from age_gender_estimation.serving.drawing import draw_photos
    from age_gender_estimation.serving.photos import predict_photos
    from age_gender_estimation.serving.predictor import Predictor
    known, predictor = KnownLabels(args.csv), Predictor(args.model_dir)

    def answers(paths):
        records = predict_photos(
            predictor, tqdm(paths, unit="photos", disable=len(paths) < 100),
            lambda path: args.face_detector == "none" or known.find(path)[1], args.batch_size, args.min_confidence)
        if args.draw:
            records = draw_photos(records, lambda path: os.path.join(args.draw, photos[path]))
        return ((record, known.find(record.file)[0]) for record in records)

    num_answers, num_errors = write_answers(args, paths, answers, predictor.path)
    if num_errors and len(paths) > 1:
        print(f"{num_answers} faces answered, {num_errors} photos without an answer", file=sys.stderr)
    return 0 if num_answers else 1


def write_answers(args, paths, answers, model_path):
    """Writes `answers(paths)` where the arguments say; returns the numbers of faces answered and photos that were not.

    Written to a file, answers get another name first: an output that is there is a whole one. A CSV goes on where a
    run with the same model and settings was cut off; the numbers are those of this run.
    """
    from age_gender_estimation.serving.output import write_records
    from age_gender_estimation.serving.resume import read_finished
    if not args.output:
        sys.stdout.reconfigure(errors="surrogateescape")
        return write_records(answers(paths), args.format, len(paths) > 1, sys.stdout.write)
    settings = [os.path.realpath(model_path), args.face_detector, args.csv, args.min_confidence, args.draw]
    unfinished = f"{args.output}.{hashlib.sha256(repr(settings).encode()).hexdigest()[:8]}.tmp"
    finished, num_done = read_finished(unfinished, paths) if args.format == "csv" else ("", 0)
    if num_done:
        print(f"going on after {num_done} of {len(paths)} photos", file=sys.stderr)
        write_file(unfinished, finished.encode("utf-8", "surrogateescape"))
    with open(unfinished, "a" if num_done else "w", encoding="utf-8", errors="surrogateescape") as file:
        counts = write_records(answers(paths[num_done:]), args.format, len(paths) > 1, file.write, not num_done)
    os.replace(unfinished, args.output)
    return counts


def refuse_own_folder(folder, paths):
    """Raises SettingError where drawn copies could replace the photos."""
    root = os.path.join(os.path.realpath(folder), "")
    for path in paths:
        if os.path.realpath(path).startswith(root):
            raise SettingError(f"--draw {folder}: expected a folder without the photos, it holds {path}")


def find_photos(patterns):
    """Returns the photos that paths, folders (with their subfolders) and globs stand for, each once.

    Returns:
      {path: name of its drawn copy, relative to --draw}; each pattern's photos sorted.
    """
    photos, names = {}, set()
    for pattern in patterns:
        folder = pattern if os.path.isdir(pattern) else None
        if folder:
            found = [os.path.join(parent, name) for parent, _, files in os.walk(folder) for name in files
                     if name.lower().endswith(ENDINGS)]
        else:
            found = [pattern] if os.path.exists(pattern) else glob.glob(pattern, recursive=True)
        if not found:
            raise InputError(f"--image-path {pattern}: expected a photo, a folder with photos or a glob, found nothing")
        for path in sorted(set(found) - set(photos)):
            name = os.path.relpath(path, folder) if folder else os.path.basename(path)
            while name in names:  # equal names from several folders
                name = f"_{name}"
            names.add(name)
            photos[path] = f"{name}.jpg"
    return photos


if __name__ == "__main__":
    run(main)
