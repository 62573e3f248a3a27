#!/usr/bin/env python3
"""Turns people's own labelled face crops into the form that train.py reads.

The CSV has `filename` (relative to --photo-dir) and any of age, gender, race; `person` keeps somebody's pictures on one
side of the split, `split` (train, val, test) prescribes the side.

    bin/preprocess_csv.py --csv faces.csv --photo-dir faces --output-dir var
"""
from command_line import run
from preprocess_arguments import preprocess_and_report, preprocess_parser

from age_gender_estimation.datasets.csv_file import read_csv_dataset
from age_gender_estimation.faces.crop import GEOMETRIES


def main():
    parser = preprocess_parser(__doc__, max_age=116)
    parser.add_argument("--csv", required=True, help="the labels")
    parser.add_argument("--photo-dir", required=True, help="folder of the pictures")
    parser.add_argument("--geometry", choices=sorted(GEOMETRIES), default="imdb_wiki",
                        help="whose crops these look like; predict cuts faces that way")
    args = parser.parse_args()
    preprocess_and_report(args, lambda filters: read_csv_dataset(args.csv, filters), args.photo_dir, args.geometry)


if __name__ == "__main__":
    run(main)
