#!/usr/bin/env python3
"""Turns a UTKFace folder (aligned and cropped) into face crops, train.csv and val.csv with age, gender and race.

    bin/preprocess_utkface.py --photo-dir data/UTKFace --output-dir var --img-size 128
"""
import pathlib

from command_line import run
from preprocess_arguments import preprocess_and_report, preprocess_parser

from age_gender_estimation.datasets.utkface import read_utkface


def main():
    parser = preprocess_parser(__doc__, max_age=116)
    parser.add_argument("--photo-dir", required=True, help="folder of pictures named AGE_GENDER_RACE_TIME.jpg")
    args = parser.parse_args()
    if pathlib.Path(args.output_dir).resolve().is_relative_to(pathlib.Path(args.photo_dir).resolve()):
        parser.error("--output-dir lies in --photo-dir: its crops would be read as pictures the next time")
    preprocess_and_report(args, lambda filters: read_utkface(args.photo_dir, filters), args.photo_dir, "utkface")


if __name__ == "__main__":
    run(main)
