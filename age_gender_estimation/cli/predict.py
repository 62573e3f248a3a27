"""Predicts age, gender and race of the faces in photos and videos, with a model that train.py exported.

    bin/predict.py --image-path photo.jpg
    bin/predict.py --image-path holidays/ 'more/*.jpg' --model-dir var/cnn-model --format csv --output faces.csv
    bin/predict.py --image-path clip.mp4 --draw drawn/
    bin/predict.py --image-path holidays/ --format csv --output faces.csv --workers 2
    bin/predict.py --image-path 0

A line per face, and frame. A picture that a manifest lists is a face crop already and taken whole; in others faces are
searched. 0 is the first camera, answered until Ctrl-C.
"""

import argparse
import contextlib
import hashlib
import itertools
import os
import sys
import tempfile

from tqdm import tqdm

from age_gender_estimation.cli.arguments import PRETRAINED, make_parser, positive, ratio
from age_gender_estimation.cli.run import until_stopped
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.predict.inputs import find_inputs
from age_gender_estimation.storage import filesystem
from age_gender_estimation.storage.error_text import add_filename


def main(argv=None):
    parser = make_parser("age-gender predict", __doc__)
    parser.add_argument(
        "--image-path",
        required=True,
        nargs="+",
        help="photos, videos, folders or globs; or a camera's number",
    )
    parser.add_argument(
        "--model-dir", default=PRETRAINED, help="an export, or a model folder (its newest export)"
    )
    parser.add_argument(
        "--face-detector",
        choices=("mtcnn", "none"),
        default="mtcnn",
        help="none takes pictures whole",
    )
    parser.add_argument(
        "--every",
        metavar="N",
        type=positive,
        default=1,
        help="answer each Nth frame of a video; its boxes are drawn until the next",
    )
    parser.add_argument("--csv", help="manifest with true labels, shown as Actual")
    parser.add_argument(
        "--format", choices=("text", "json", "csv"), default="text", help="of the answers"
    )
    parser.add_argument("--output", help="file for the answers; standard output if not given")
    parser.add_argument(
        "--batch-size",
        type=positive,
        default=32,
        help="faces of photos that the model sees at once",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        default=1,
        help="processes for the photos; each loads TensorFlow and the model, which pays for some hundreds",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler (tcp://host:8786) whose workers answer the photos; all must see the same files",
    )
    parser.add_argument(
        "--min-confidence",
        type=ratio,
        default=0.0,
        help="gender, race and age range are answered as unknown below this",
    )
    parser.add_argument(
        "--draw",
        metavar="DIR",
        help="folder for copies of the photos and videos with boxes and labels in them",
    )
    args = parser.parse_args(argv)
    inputs = find_inputs(args.image_path)
    if (
        args.output
        and not filesystem.is_remote(args.output)
        and (os.path.isdir(args.output) or not os.path.basename(args.output))
    ):
        raise SettingError(f"--output {args.output}: expected a file, got a folder")
    if args.draw:
        refuse_own_folder(args.draw, inputs.values())
        if filesystem.is_remote(args.draw) and any(entry.is_video for entry in inputs.values()):
            raise SettingError(
                f"--draw {args.draw}: copies of videos are written on this machine only"
            )
    if args.model_dir == PRETRAINED and not os.path.isdir(PRETRAINED):
        raise InputError(
            f"--model-dir is not given: expected the model that comes with the code in {PRETRAINED}, found "
            "none; train.py makes one"
        )

    from age_gender_estimation.predict.chunks import load_predictor, open_photo_workers
    from age_gender_estimation.predict.known_labels import KnownLabels
    from age_gender_estimation.predict.predictor import find_export

    known, predictor = KnownLabels(args.csv), load_predictor(find_export(args.model_dir))
    photos = [entry.path for entry in inputs.values() if not entry.is_video]
    is_live = any(entry.is_live for entry in inputs.values())
    with (
        until_stopped() if is_live else contextlib.nullcontext([]) as codes,
        open_photo_workers(
            predictor.path,
            photos,
            args.workers,
            args.scheduler,
            args.batch_size,
            args.min_confidence,
            args.draw,
        ) as answer_chunks,
    ):

        def answers(finished):
            records = answer(
                inputs.values(),
                finished,
                args,
                predictor,
                known,
                answer_chunks,
                lambda: bool(codes),
            )
            return ((record, known.find(record.file)[0]) for record in records)

        num_answers, num_errors = write_answers(args, list(inputs), answers, predictor.path)
    if num_errors and (len(inputs) > 1 or args.output):
        unit = "photos or frames" if any(entry.is_video for entry in inputs.values()) else "photos"
        print(
            f"{num_answers} faces answered, {num_errors} {unit} without an answer", file=sys.stderr
        )
    if codes:
        print("stopped", file=sys.stderr)
        return codes[0]
    return 0 if num_answers else 1


def answer(inputs, finished, args, predictor, known, answer_chunks, should_stop):
    """Yields the FaceRecords of photos and videos, draws them where the arguments say so, and shows how far it is.

    The `finished` ones are left out, but chunks begin where they would without them: the others' answers are the same.
    """
    from age_gender_estimation.predict.chunks import Photo, batch_photos
    from age_gender_estimation.predict.video import predict_video

    def progress(things, total, unit, **options):
        # Between lines of answers on the same terminal a bar would only be in the way.
        is_hidden = (total or 0) < 100 or not args.output and sys.stdout.isatty()
        return tqdm(things, total=total, unit=unit, disable=is_hidden, **options)

    def is_whole(path):
        return args.face_detector == "none" or known.find(path)[1]

    targets = {entry.path: os.path.join(args.draw, entry.drawn) for entry in inputs if args.draw}
    with progress(None, len(inputs), "files", initial=len(finished)) as bar:
        for is_video, group in itertools.groupby(inputs, lambda entry: entry.is_video):
            if not is_video:
                photos = (
                    Photo(entry.path, is_whole(entry.path), targets.get(entry.path))
                    for entry in group
                )
                unfinished = (
                    chunk
                    for chunk in batch_photos(photos, args.batch_size)
                    if chunk[-1].path not in finished
                )
                chunks, handed_out = itertools.tee(unfinished)
                for chunk, records in zip(chunks, answer_chunks(handed_out)):
                    yield from (record for record in records if record.file not in finished)
                    bar.update(sum(photo.path not in finished for photo in chunk))
                continue
            for entry in group:
                if entry.path in finished:
                    continue
                yield from predict_video(
                    predictor,
                    entry.source,
                    is_whole(entry.path),
                    args.every,
                    args.min_confidence,
                    targets.get(entry.path),
                    entry.is_live,
                    lambda video: progress(video, video.num_frames, "frames"),
                    should_stop,
                )
                bar.update()


def write_answers(args, paths, answers, model_path):
    """Writes `answers(finished)` where the arguments say; returns the numbers of faces answered and records without one.

    Written to a file, answers get another name first: an output that is there is a whole one. A CSV goes on where a
    run with the same model and settings was cut off; the numbers are of both.
    """
    from age_gender_estimation.predict.output import write_records
    from age_gender_estimation.predict.resume import NOTHING, read_partial_csv

    if not args.output:
        sys.stdout.reconfigure(
            errors="surrogateescape", line_buffering=True
        )  # who reads a camera wants each line at once
        with contextlib.closing(
            answers(set())
        ) as records:  # its bar ends before a message of what went wrong
            return write_records(records, args.format, len(paths) > 1, sys.stdout.write)
    if filesystem.is_remote(args.output):  # a file in a bucket is written in one piece
        filesystem.exists(args.output)  # nobody should wait for answers that cannot be written
        with tempfile.TemporaryDirectory() as folder:
            local = os.path.join(folder, "answers")
            counts = write_answers(
                argparse.Namespace(**{**vars(args), "output": local}), paths, answers, model_path
            )
            filesystem.copy(local, args.output)
        return counts
    settings = [
        os.path.realpath(model_path),
        args.face_detector,
        args.csv,
        args.min_confidence,
        args.draw,
        args.every,
    ]
    unfinished = f"{args.output}.{hashlib.sha256(repr(settings).encode()).hexdigest()[:8]}.tmp"
    done = read_partial_csv(unfinished, paths) if args.format == "csv" else NOTHING
    if done.num_inputs:
        print(
            f"going on after {done.num_inputs} of {len(paths)} photos and videos", file=sys.stderr
        )
        os.truncate(unfinished, done.num_bytes)
    with (
        add_filename(args.output),
        contextlib.closing(answers(set(paths[: done.num_inputs]))) as records,
        open(
            unfinished, "a" if done.num_inputs else "w", encoding="utf-8", errors="surrogateescape"
        ) as file,
    ):
        num_answers, num_errors = write_records(
            records, args.format, len(paths) > 1, file.write, not done.num_inputs
        )
    os.replace(unfinished, args.output)
    return done.num_answers + num_answers, done.num_errors + num_errors


def refuse_own_folder(folder, inputs):
    """Raises SettingError where drawn copies could replace the photos or videos."""
    root = os.path.join(os.path.realpath(folder), "")
    for entry in inputs:
        if not entry.is_live and os.path.realpath(entry.path).startswith(root):
            raise SettingError(
                f"--draw {folder}: expected a folder without the photos, it holds {entry.path}"
            )
