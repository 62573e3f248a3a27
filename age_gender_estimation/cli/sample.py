"""Draws a dataset of synthetic faces in IMDB-WIKI's layout, to try the pipeline without a download.

age-gender sample --output-dir var/sample/imdb_crop --records 1200
"""

from collections.abc import Sequence

from age_gender_estimation.cli.arguments import make_parser, positive, whole
from age_gender_estimation.datasets.synthetic import write_synthetic_imdb


def main(argv: Sequence[str] | None = None) -> None:
    parser = make_parser("age-gender sample", __doc__)
    parser.add_argument("--output-dir", required=True, help="folder for imdb.mat and the images")
    parser.add_argument(
        "--records", type=positive, default=1200, help="number of images; each person has four"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, help="seed of the faces and of the dropped records"
    )
    args = parser.parse_args(argv)
    labels, dropped = write_synthetic_imdb(args.output_dir, args.records, args.seed)
    print(
        f"{args.records} records in {args.output_dir}/imdb.mat, {len(labels)} to keep, "
        f"to be dropped: {dropped}"
    )
