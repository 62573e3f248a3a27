#!/usr/bin/env python3
"""Measures an exported model on a manifest: tables here, and evaluation.json and evaluation.png in --output-dir.

    bin/evaluate.py --model-dir var/cnn-model --csv var/test.csv --img-dir var/crop
"""
import json
import os

from command_line import make_parser, positive, run


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--model-dir", required=True, help="an export, or a model folder (its newest export)")
    parser.add_argument("--csv", required=True, help="manifest with the true labels")
    parser.add_argument("--img-dir", required=True, help="folder of its crops")
    parser.add_argument("--output-dir", help="for evaluation.json and evaluation.png; MODEL_DIR/evaluation if not given")
    parser.add_argument("--batch-size", type=positive, default=64, help="crops that the model sees at once")
    args = parser.parse_args()

    from age_gender_estimation.data.files import write_file
    from age_gender_estimation.data.manifest import open_manifest
    from age_gender_estimation.evaluation.evaluate import evaluate, predict_manifest
    from age_gender_estimation.evaluation.picture import draw_evaluation
    from age_gender_estimation.evaluation.tables import report_tables
    from age_gender_estimation.serving.predictor import Predictor
    manifest = open_manifest(args.csv, args.img_dir)
    predictor = Predictor(args.model_dir)
    predictions = predict_manifest(predictor, args.csv, args.img_dir, args.batch_size)
    report = evaluate(predictions)
    print(report_tables(report))
    num_above = manifest.num_labels["age"] - report.get("age", {"mae": {"n": 0}})["mae"]["n"]
    if "age" in report and num_above:
        print(f"{num_above} ages above the model's {predictor.max_age} do not count")
    output_dir = args.output_dir or os.path.join(args.model_dir, "evaluation")
    os.makedirs(output_dir, exist_ok=True)
    draw_evaluation(predictions, os.path.join(output_dir, "evaluation.png"))
    settings = {"csv": os.path.basename(args.csv), "rows": len(predictions.paths), "model": os.path.basename(predictor.path)}
    write_file(os.path.join(output_dir, "evaluation.json"), json.dumps({**settings, **report}, indent=1) + "\n")
    print(f"written: {output_dir}/evaluation.json and evaluation.png")


if __name__ == "__main__":
    run(main)
