#!/usr/bin/env python3
"""Turns IMDB-WIKI's imdb.mat or wiki.mat and its pictures into face crops, train.csv and val.csv.

    bin/preprocess_imdb.py --db-path data/imdb_crop/imdb.mat --photo-dir data/imdb_crop --output-dir var --img-size 224
"""
from command_line import run
from preprocess_arguments import preprocess_and_report, preprocess_parser

from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.imdb_wiki import read_imdb_wiki


def main():
    parser = preprocess_parser(__doc__, max_age=Filters.max_age)
    parser.add_argument("--db-path", required=True, help="imdb.mat or wiki.mat")
    parser.add_argument("--photo-dir", required=True, help="folder that its full_path is relative to: imdb_crop/")
    parser.add_argument("--min-score", type=float, default=Filters.min_score, help="lowest face score to keep")
    args = parser.parse_args()
    preprocess_and_report(args, lambda filters: read_imdb_wiki(args.db_path, filters), args.photo_dir, "imdb_wiki",
                          args.min_score)


if __name__ == "__main__":
    run(main)
