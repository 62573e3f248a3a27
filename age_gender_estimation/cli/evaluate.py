"""Measures an exported model on manifests: prints tables and writes
evaluation.json and evaluation.png.

bin/evaluate.py --model-dir var/cnn-model --csv var/test.csv --img-dir var/crop
bin/evaluate.py --model-dir var/cnn-model --csv var/val.csv --img-dir var/crop --reporting-part
"""

import dataclasses
import json
import os

import numpy as np

from age_gender_estimation.cli.arguments import make_parser, positive
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.training.hparams import HParams


def main(argv: list[str] | None = None) -> None:
    """Runs the command with these arguments; those of the process if None."""
    parser = make_parser("age-gender evaluate", __doc__)
    parser.add_argument(
        "--model-dir", required=True, help="an export, or a model folder (its newest export)"
    )
    parser.add_argument(
        "--csv",
        required=True,
        nargs="+",
        help="manifests with true labels; utk.csv:race uses only its races",
    )
    parser.add_argument(
        "--img-dir",
        required=True,
        nargs="+",
        help="folder of the face crops: one for all CSVs, or one for each",
    )
    parser.add_argument(
        "--reporting-part",
        action="store_true",
        help="measure on the third of the validation list that neither chose nor calibrated "
        "the model",
    )
    parser.add_argument(
        "--output-dir",
        help="folder for evaluation.json and evaluation.png; MODEL_DIR/evaluation if not given",
    )
    parser.add_argument(
        "--model-card", metavar="FILE", help="write a model card in Markdown to FILE"
    )
    parser.add_argument("--batch-size", type=positive, default=64, help="crops in a batch")
    args = parser.parse_args(argv)
    if args.model_card and not filesystem.is_remote(args.model_card):
        if not os.path.isdir(os.path.dirname(args.model_card) or ".") or os.path.isdir(
            args.model_card
        ):
            raise SettingError(
                f"--model-card {args.model_card}: expected a file in an existing folder"
            )

    from age_gender_estimation.data.manifest import reporting_part
    from age_gender_estimation.evaluation.evaluate import evaluate
    from age_gender_estimation.evaluation.figure import draw_evaluation
    from age_gender_estimation.evaluation.predictions import predict_manifests
    from age_gender_estimation.evaluation.tables import report_tables
    from age_gender_estimation.predict.predictor import Predictor
    from age_gender_estimation.storage.files import write_file

    manifests = open_manifests(args.csv, args.img_dir)
    predictor = Predictor(args.model_dir)
    if args.reporting_part:
        calibration = predictor.description.get("calibration", {})
        # Older exports lack num_faces.
        if not (calibration.get("num_faces") or calibration.get("labels")):
            raise InputError(
                f"--reporting-part: {predictor.path} was not calibrated, so every row of the "
                "validation list may have chosen it; measure on other faces"
            )
        manifests = [reporting_part(manifest) for manifest in manifests]
    predictions = predict_manifests(predictor, manifests, args.batch_size)
    report = evaluate(predictions)
    print(report_tables(report))
    age = "age_group" if "age_group" in predictor.labels else "age"
    num_ages = sum(manifest.num_labels["age"] for manifest in manifests)
    is_used = np.isfinite(predictions.true[age])
    if age == "age":
        is_used |= np.isfinite(predictions.ranges[:, 0])
    num_unused = num_ages - is_used.sum()
    if age in predictor.labels and num_unused:
        print(f"{num_unused} ages outside the model's range do not count")
    output_dir = args.output_dir or os.path.join(args.model_dir, "evaluation")
    filesystem.makedirs(output_dir)
    draw_evaluation(predictions, os.path.join(output_dir, "evaluation.png"))
    settings = {
        "csv": list(dict.fromkeys(predictions.sources)),
        "rows": len(predictions.paths),
        "model": os.path.basename(predictor.path),
    }
    write_file(
        os.path.join(output_dir, "evaluation.json"),
        json.dumps({**settings, **report}, indent=1) + "\n",
    )
    print(f"written: {output_dir}/evaluation.json and evaluation.png")
    if args.model_card:
        write_card(args.model_card, predictor, report, settings, args.reporting_part)
        print(f"written: {args.model_card}")


def write_card(path: str, predictor, report: dict, settings: dict, is_reporting_part: bool) -> None:
    """Writes the model card of an evaluation.

    Args:
      path: the file.
      predictor: predict.predictor.Predictor.
      report: of evaluation.evaluate.evaluate.
      settings: {"csv": names of the manifests, "rows": crops}.
      is_reporting_part: whether only the reporting parts were measured.
    """
    from age_gender_estimation.evaluation.model_card import model_card
    from age_gender_estimation.storage.files import write_file

    part = (
        "the third that neither chose nor calibrated the model of "
        if is_reporting_part
        else "all rows, which flatters where they chose or calibrated the model, of "
    )
    measured_on = f"{settings['rows']} faces, {part}{', '.join(settings['csv'])}"
    write_file(
        path,
        model_card(
            predictor.description,
            report,
            measured_on,
            filesystem.size_of(predictor.path),
            dataclasses.asdict(HParams()),
        ),
    )
