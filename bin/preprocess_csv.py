#!/usr/bin/env python3
"""Turns people's own labelled face crops, or photos with one face, into the form that train.py reads.

The CSV has `filename` (relative to --photo-dir) and any of age, gender, race; `person` keeps somebody's pictures on one
side of the split, `split` (train, val, test) prescribes the side.

    bin/preprocess_csv.py --csv faces.csv --photo-dir faces --output-dir var
    bin/preprocess_csv.py --csv photos.csv --photo-dir photos --output-dir var --detect --align
"""
import os

from command_line import run
from preprocess_arguments import preprocess_and_report, preprocess_parser

from age_gender_estimation.data.crops import ONLY, WHOLE
from age_gender_estimation.datasets.csv_file import SPLITS, read_csv_dataset
from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.crop import ALIGNED, GEOMETRIES


def main():
    parser = preprocess_parser(__doc__, max_age=116)
    parser.add_argument("--csv", required=True, help="the labels")
    parser.add_argument("--photo-dir", required=True, help="folder of the pictures")
    parser.add_argument("--geometry", choices=sorted(GEOMETRIES),
                        help="whose crops these look like, or --detect makes them look like; predict cuts faces that way; "
                             f"imdb_wiki if not given, {ALIGNED} with --align")
    parser.add_argument("--detect", action="store_true",
                        help="these are photos, not crops: find the face; those with none or several are dropped")
    args = parser.parse_args()
    if args.align and args.geometry not in (None, ALIGNED):
        parser.error(f"--align gives the geometry {ALIGNED}; leave --geometry {args.geometry} out")
    if os.path.realpath(args.csv) in (os.path.realpath(os.path.join(args.output_dir, f"{name}.csv")) for name in SPLITS):
        raise SettingError(f"--csv {args.csv}: the lists would replace it; choose another --output-dir")
    preprocess_and_report(args, lambda filters: read_csv_dataset(args.csv, filters), args.photo_dir,
                          args.geometry or "imdb_wiki", face=ONLY if args.detect else WHOLE)


if __name__ == "__main__":
    run(main)
