"""Describes manifests in report.html and report.json.

Labels, ages, sample faces, duplicates and contradicting labels are shown.

bin/report_data.py --csv var/train.csv var/val.csv --img-dir var/crop --output-dir var/report
"""

import json
import os

from age_gender_estimation.cli.arguments import make_parser, whole
from age_gender_estimation.cli.manifests import open_manifests
from age_gender_estimation.storage import filesystem


def main(argv: list[str] | None = None) -> None:
    """Runs the command with these arguments; those of the process if None."""
    parser = make_parser("age-gender report", __doc__)
    parser.add_argument(
        "--csv",
        required=True,
        nargs="+",
        help="manifests to describe; utk.csv:race uses only its races",
    )
    parser.add_argument(
        "--img-dir",
        required=True,
        nargs="+",
        help="folder of the face crops: one for all CSVs, or one for each",
    )
    parser.add_argument(
        "--output-dir", required=True, help="folder for report.html and report.json"
    )
    parser.add_argument(
        "--seed", type=whole, default=0, help="random seed of the choice of sample faces"
    )
    args = parser.parse_args(argv)
    manifests = open_manifests(args.csv, args.img_dir)

    # matplotlib takes a second to load; wrong arguments are refused before that.
    from age_gender_estimation.data_report.counts import report_data
    from age_gender_estimation.data_report.listed_images import read_images
    from age_gender_estimation.data_report.page import data_page, summary
    from age_gender_estimation.storage.files import write_file

    images = read_images(manifests)
    report = report_data(images)
    print("\n".join(summary(report)))
    filesystem.makedirs(args.output_dir)
    write_file(os.path.join(args.output_dir, "report.html"), data_page(report, images, args.seed))
    write_file(os.path.join(args.output_dir, "report.json"), json.dumps(report, indent=1) + "\n")
    print(f"written: {args.output_dir}/report.html and report.json")
