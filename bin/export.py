#!/usr/bin/env python3
"""Exports the best checkpoint of a model folder as a SavedModel.

    bin/export.py --model-dir var/cnn-model
"""
from command_line import make_parser, run


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--model-dir", required=True, help="folder made by train.py")
    args = parser.parse_args()

    from age_gender_estimation.serving.export import export_model
    print(f"exported: {export_model(args.model_dir)}")


if __name__ == "__main__":
    run(main)
