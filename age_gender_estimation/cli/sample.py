"""Draws a dataset of synthetic faces in IMDB-WIKI's layout, to try the pipeline without downloading anything.

bin/make_sample.py --output-dir var/sample/imdb_crop --records 1200
"""

from age_gender_estimation.cli.arguments import make_parser, positive, whole
from age_gender_estimation.datasets.synthetic import write_synthetic_imdb


def main(argv=None):
    parser = make_parser("age-gender sample", __doc__)
    parser.add_argument("--output-dir", required=True, help="gets imdb.mat and the pictures")
    parser.add_argument(
        "--records", type=positive, default=1200, help="pictures, four of each person"
    )
    parser.add_argument("--seed", type=whole, default=0, help="of everything random")
    args = parser.parse_args(argv)
    labels, dropped = write_synthetic_imdb(args.output_dir, args.records, args.seed)
    print(
        f"{args.records} records in {args.output_dir}/imdb.mat, {len(labels)} to keep, to be dropped: {dropped}"
    )
