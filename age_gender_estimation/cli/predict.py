"""Predicts age, gender and race of the faces in photos and videos with an exported model.

    age-gender predict --image-path photo.jpg
    age-gender predict --image-path holidays/ 'more/*.jpg' --output faces.csv --workers 2
    age-gender predict --image-path clip.mp4 --draw drawn/ --model-dir var/cnn-model
    age-gender predict --image-path 0

Prints a line per face, and per frame of a video. An image that a manifest lists is a face crop
already; in other images faces are searched. 0 is the first camera, which runs until Ctrl-C.
"""

import contextlib
import os
import sys

from tqdm import tqdm

from age_gender_estimation.cli.arguments import PRETRAINED, make_parser, positive, ratio
from age_gender_estimation.cli.run import until_stopped
from age_gender_estimation.errors import InputError


def main(argv=None):
    parser = make_parser("age-gender predict", __doc__)
    add = parser.add_argument
    text = "photos, videos, folders or globs; or the number of a camera"
    add("--image-path", required=True, nargs="+", help=text)
    text = "an export, a model folder, whose newest export is used, or an .onnx file"
    add("--model-dir", default=PRETRAINED, help=text)
    text = "what runs the model; if not given, onnx where the export has an ONNX file"
    add("--runtime", choices=("onnx", "saved-model"), help=text)
    text = (
        "how faces are found: yunet is faster and finds more, and its file (233 KB) is downloaded "
        "on first use, or taken from $AGE_GENDER_YUNET_FILE; none takes every image as a face crop"
    )
    add("--face-detector", choices=("mtcnn", "yunet", "none"), default="mtcnn", help=text)
    text = (
        "smallest face, as the shorter side of its box in pixels; all that are found if not given"
    )
    add("--min-face", metavar="PIXELS", type=positive, help=text)
    text = "largest number of faces of an image, the largest first; all if not given"
    add("--max-faces", metavar="N", type=positive, help=text)
    text = (
        "least confidence of the detector, 0 to 1, for a find to count as a face; if not given, "
        "0.9 for mtcnn and 0.7 for yunet"
    )
    add("--min-detection", metavar="CONFIDENCE", type=ratio, help=text)
    text = "predict every Nth frame of a video; its boxes are drawn until the next one"
    add("--every", metavar="N", type=positive, default=1, help=text)
    add("--csv", help="manifest with true labels, which are printed as Actual")
    text = "format of the output; if not given, by the ending of --output, else text"
    add("--format", choices=("text", "json", "csv"), help=text)
    add("--output", help="file for the predictions; standard output if not given")
    text = "number of faces from photos that the model sees at once"
    add("--batch-size", type=positive, default=32, help=text)
    text = (
        "number of processes for photos; each loads TensorFlow and the model, which pays off "
        "from some hundred photos on"
    )
    add("--workers", type=positive, default=1, help=text)
    text = (
        "address of a Dask scheduler (tcp://host:8786) whose workers predict the photos; all of "
        "them must see the same files"
    )
    add("--scheduler", metavar="ADDRESS", help=text)
    text = "print a class whose probability is lower (0 to 1) as unknown"
    add("--min-confidence", type=ratio, default=0.0, help=text)
    text = "folder for copies of the photos and videos with boxes and labels"
    add("--draw", metavar="DIR", help=text)
    args = parser.parse_args(argv)
    if args.model_dir == PRETRAINED and not os.path.isdir(PRETRAINED):
        raise InputError(
            "--model-dir is not given: expected the model that comes with the code in "
            f"{PRETRAINED}, found none; age-gender train makes one"
        )

    from age_gender_estimation.predict.job import Job, Settings

    def progress(things, total, unit, initial):
        # A bar would only disturb the lines that are printed on the same terminal.
        is_hidden = (total or 0) < 100 or (not args.output and sys.stdout.isatty())
        return tqdm(things, total=total, unit=unit, initial=initial, disable=is_hidden)

    job = Job(Settings(**vars(args)), progress)
    # Whoever reads a camera wants each line at once.
    sys.stdout.reconfigure(errors="surrogateescape", line_buffering=True)  # type: ignore[union-attr]
    no_stop: contextlib.AbstractContextManager[list[int]] = contextlib.nullcontext([])
    with until_stopped() if job.is_live else no_stop as codes:
        num_faces, num_errors = job.run(sys.stdout.write, lambda: bool(codes))
    if num_errors and (len(job.inputs) > 1 or args.output):
        has_video = any(entry.is_video for entry in job.inputs)
        unit = "photos or frames" if has_video else "photos"
        print(
            f"{num_faces} faces predicted, {num_errors} {unit} without a prediction",
            file=sys.stderr,
        )
    if codes:
        print("stopped", file=sys.stderr)
        return codes[0]
    return 0 if num_faces else 1
