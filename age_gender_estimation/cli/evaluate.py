"""Measures an exported model on manifests: prints tables and writes
evaluation.json and evaluation.png.

bin/evaluate.py --model-dir var/cnn-model --csv var/test.csv --img-dir var/crop
bin/evaluate.py --model-dir var/cnn-model --csv var/val.csv --img-dir var/crop --reporting-part
bin/evaluate.py --model-dir var/cnn-model --csv a/val.csv b/val.csv --img-dir a/crop b/crop \\
    --compare pretrained

With --cross-dataset it also writes cross_dataset.md, .json and .png: the lists, and both models,
beside each other. A list that calibrated a model is then measured on its reporting part.
"""

import argparse
import dataclasses
import json
import os

from age_gender_estimation.cli.arguments import add_geometry_flag, make_parser, positive
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.errors import SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.training.hparams import HParams


def main(argv: list[str] | None = None) -> None:
    """Runs the command with these arguments; those of the process if None."""
    args = parse(argv)

    from age_gender_estimation.data.crop_geometry import require_one_geometry
    from age_gender_estimation.data.source_names import source_names
    from age_gender_estimation.evaluation.cross_dataset import by_list
    from age_gender_estimation.evaluation.evaluate import evaluate
    from age_gender_estimation.evaluation.figure import draw_evaluation
    from age_gender_estimation.evaluation.parts import rows_text
    from age_gender_estimation.evaluation.predictions import predict_manifests
    from age_gender_estimation.evaluation.tables import report_tables
    from age_gender_estimation.predict.predictor import Predictor

    manifests = open_manifests(args.csv, args.img_dir)
    predictor = Predictor(args.model_dir)
    other = Predictor(args.compare) if args.compare else None
    if not args.allow_other_geometry:
        require_one_geometry(
            [manifest.path for manifest in manifests],
            {each.path: each.geometry.name for each in filter(None, [predictor, other])},
        )
    manifests, parts = _measured_rows(args, manifests, [predictor, *filter(None, [other])])
    measured_on = rows_text(manifests, parts)
    predictions = predict_manifests(predictor, manifests, args.batch_size)
    report = evaluate(predictions)
    print(report_tables(report))
    if num_unused := predictions.num_unused_ages(manifests):
        print(f"{num_unused} ages outside the model's range do not count")
    output_dir = args.output_dir or os.path.join(args.model_dir, "evaluation")
    filesystem.makedirs(output_dir)
    draw_evaluation(predictions, os.path.join(output_dir, "evaluation.png"))
    names = list(dict.fromkeys(predictions.sources))
    settings = {
        "csv": names,
        "parts": dict(zip(names, parts)),
        "rows": len(predictions.paths),
        "model": os.path.basename(predictor.path),
    }
    _write_json(os.path.join(output_dir, "evaluation.json"), {**settings, **report})
    print(f"written: {output_dir}/evaluation.json and evaluation.png")
    lists = by_list(report, names)
    if args.cross_dataset:
        reports = [lists]
        if other:
            second = evaluate(predict_manifests(other, manifests, args.batch_size))
            reports.append(by_list(second, names))
        models = source_names([args.model_dir, *filter(None, [args.compare])])
        write_comparison(output_dir, dict(zip(models, reports)), measured_on)
    if args.model_card:
        write_card(args.model_card, predictor, report, lists, measured_on)
        print(f"written: {args.model_card}")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Returns the parsed command line; exits with code 2 where it is wrong."""
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
    parser.add_argument(
        "--cross-dataset",
        action="store_true",
        help="write a table and a figure of all lists beside each other; lists that calibrated "
        "the model are measured on the third that neither chose nor calibrated it",
    )
    parser.add_argument(
        "--compare",
        metavar="MODEL_DIR",
        help="another model, on the same rows, beside the model in the table and the figure; "
        "implies --cross-dataset",
    )
    add_geometry_flag(parser)
    parser.add_argument("--batch-size", type=positive, default=64, help="crops in a batch")
    args = parser.parse_args(argv)
    if args.model_card and not filesystem.is_remote(args.model_card):
        if not os.path.isdir(os.path.dirname(args.model_card) or ".") or os.path.isdir(
            args.model_card
        ):
            raise SettingError(
                f"--model-card {args.model_card}: expected a file in an existing folder"
            )
    if args.compare and os.path.abspath(args.compare) == os.path.abspath(args.model_dir):
        raise SettingError(f"--compare {args.compare}: expected another model than --model-dir")
    args.cross_dataset |= bool(args.compare)
    return args


def _measured_rows(args, manifests, predictors):
    """Returns the rows to measure on, and which they are of each list; see evaluation.parts."""
    from age_gender_estimation.data.manifest import reporting_part
    from age_gender_estimation.evaluation.parts import (
        ALL_ROWS,
        REPORTING,
        choose_rows,
        require_calibration,
    )

    if args.reporting_part:
        require_calibration(predictors[0].path, predictors[0].description)
        return [reporting_part(manifest) for manifest in manifests], [REPORTING] * len(manifests)
    if args.cross_dataset:
        return choose_rows(manifests, [each.description for each in predictors])
    return manifests, [ALL_ROWS] * len(manifests)


def write_comparison(output_dir: str, models: dict, measured_on: str) -> None:
    """Writes cross_dataset.md, cross_dataset.json and cross_dataset.png.

    Args:
      output_dir: an existing folder.
      models: {model: {list: report}}, see evaluation.cross_dataset.
      measured_on: evaluation.parts.rows_text.
    """
    from age_gender_estimation.evaluation.cross_dataset import (
        cross_figure,
        cross_report,
        cross_table,
    )
    from age_gender_estimation.storage.files import write_file

    text = f"{cross_table(models)}\nOn {measured_on}. In brackets: bootstrap 95% intervals.\n"
    print(text)
    path = os.path.join(output_dir, "cross_dataset")
    write_file(f"{path}.md", text)
    _write_json(f"{path}.json", {"measured_on": measured_on, "measures": cross_report(models)})
    figure = cross_figure(models)
    write_file(f"{path}.png", lambda file: figure.savefig(file, dpi=80, format="png"))
    print(f"written: {path}.md, .json and .png")


def write_card(path: str, predictor, report: dict, lists: dict, measured_on: str) -> None:
    """Writes the model card of an evaluation.

    Args:
      path: the file.
      predictor: predict.predictor.Predictor.
      report: of evaluation.evaluate.evaluate.
      lists: {list: report of it}.
      measured_on: evaluation.parts.rows_text.
    """
    from age_gender_estimation.evaluation.model_card import model_card
    from age_gender_estimation.storage.files import write_file

    write_file(
        path,
        model_card(
            predictor.description,
            report,
            lists,
            measured_on,
            filesystem.size_of(predictor.path),
            dataclasses.asdict(HParams()),
        ),
    )


def _write_json(path: str, content: dict) -> None:
    from age_gender_estimation.storage.files import write_file

    write_file(path, json.dumps(content, indent=1) + "\n")
