#!/usr/bin/env python3
"""Exports the best checkpoint of a model folder, as a SavedModel or for TensorFlow Lite.

    bin/export.py --model-dir var/cnn-model
    bin/export.py --model-dir var/cnn-model --format tflite
"""
from command_line import make_parser, run


def main():
    parser = make_parser(__doc__)
    parser.add_argument("--model-dir", required=True, help="folder made by train.py")
    parser.add_argument("--format", choices=("saved-model", "tflite"), default="saved-model",
                        help="tflite: 16-bit weights, for phones and small computers")
    args = parser.parse_args()

    if args.format == "tflite":
        from age_gender_estimation.serving.tflite import export_tflite as export
    else:
        from age_gender_estimation.serving.export import export_model as export
    print(f"exported: {export(args.model_dir)}")


if __name__ == "__main__":
    run(main)
