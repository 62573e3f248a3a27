"""Turns a dataset into face crops, train.csv and val.csv.

age-gender preprocess imdb --db-path data/imdb_crop/imdb.mat --photo-dir data/imdb_crop --output-dir var
age-gender preprocess utkface --photo-dir data/UTKFace --output-dir var
age-gender preprocess csv --csv faces.csv --photo-dir faces --output-dir var
age-gender preprocess csv --csv photos.csv --photo-dir photos --output-dir var --detect --align
"""

import os
import pathlib

from age_gender_estimation.cli.arguments import HelpFormatter, make_parser, positive, ratio
from age_gender_estimation.data.crops import CENTRAL, ONLY, WHOLE
from age_gender_estimation.data.preprocess import PreprocessSettings, preprocess
from age_gender_estimation.datasets.csv_file import SPLITS, read_csv_dataset
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.imdb_wiki import read_imdb_wiki
from age_gender_estimation.datasets.utkface import read_utkface
from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.crop import ALIGNED, GEOMETRIES


def main(argv=None):
    parser = make_parser("age-gender preprocess", __doc__)
    datasets = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    _add_imdb_wiki(datasets, "imdb")
    _add_imdb_wiki(datasets, "wiki")
    _add_utkface(datasets)
    _add_csv(datasets)
    args = parser.parse_args(argv)
    args.run(parser, args)


def _add_imdb_wiki(datasets, name):
    parser = _add(datasets, name, f"IMDB-WIKI's {name}.mat and its photos", Filters.max_age)
    parser.add_argument("--db-path", required=True, help="imdb.mat or wiki.mat")
    parser.add_argument(
        "--photo-dir", required=True, help="folder that its full_path is relative to: imdb_crop/"
    )
    parser.add_argument(
        "--min-score", type=float, default=Filters.min_score, help="lowest face score to keep"
    )

    def run(_, args):
        _preprocess(
            args, lambda filters: read_imdb_wiki(args.db_path, filters), "imdb_wiki", args.min_score
        )

    parser.set_defaults(run=run)


def _add_utkface(datasets):
    parser = _add(datasets, "utkface", "UTKFace, aligned and cropped", 116)
    parser.add_argument(
        "--photo-dir", required=True, help="folder of images named AGE_GENDER_RACE_TIME.jpg"
    )

    def run(parser, args):
        if (
            pathlib.Path(args.output_dir)
            .resolve()
            .is_relative_to(pathlib.Path(args.photo_dir).resolve())
        ):
            parser.error(
                "--output-dir lies in --photo-dir: its crops would be read as images the next time"
            )
        _preprocess(args, lambda filters: read_utkface(args.photo_dir, filters), "utkface")

    parser.set_defaults(run=run)


def _add_csv(datasets):
    parser = _add(
        datasets,
        "csv",
        "your own face crops, or photos with one face, and a CSV of their labels",
        116,
    )
    parser.add_argument(
        "--csv",
        required=True,
        help="the labels: filename and any of age, gender, race, person, split",
    )
    parser.add_argument("--photo-dir", required=True, help="folder of the images")
    parser.add_argument(
        "--geometry",
        choices=sorted(GEOMETRIES),
        help="whose crops these look like, or --detect makes them look like; predict cuts faces that way; "
        f"imdb_wiki if not given, {ALIGNED} with --align",
    )
    parser.add_argument(
        "--detect",
        action="store_true",
        help="these are photos, not crops: find the face; those with none or several are dropped",
    )

    def run(parser, args):
        if args.align and args.geometry not in (None, ALIGNED):
            parser.error(
                f"--align gives the geometry {ALIGNED}; leave --geometry {args.geometry} out"
            )
        lists = (os.path.realpath(os.path.join(args.output_dir, f"{name}.csv")) for name in SPLITS)
        if os.path.realpath(args.csv) in lists:
            raise SettingError(
                f"--csv {args.csv}: the lists would replace it; choose another --output-dir"
            )
        face = ONLY if args.detect else WHOLE
        _preprocess(
            args,
            lambda filters: read_csv_dataset(args.csv, filters),
            args.geometry or "imdb_wiki",
            face=face,
        )

    parser.set_defaults(run=run)


def _add(datasets, name, help_text, max_age):
    """Adds a dataset with the arguments that all share; `max_age` is its default in years."""
    parser = datasets.add_parser(
        name, help=help_text, description=help_text, formatter_class=HelpFormatter
    )
    defaults = PreprocessSettings
    parser.add_argument(
        "--output-dir",
        required=True,
        help="OUT: gets crop/, train.csv, val.csv and preprocess.json",
    )
    parser.add_argument(
        "--img-size", type=positive, default=defaults.img_size, help="side of the crops in pixels"
    )
    parser.add_argument(
        "--min-age", type=int, default=Filters.min_age, help="youngest age in years to keep"
    )
    parser.add_argument("--max-age", type=int, default=max_age, help="oldest age in years to keep")
    parser.add_argument(
        "--split-ratio",
        type=ratio,
        default=defaults.split_ratio,
        help="share of people in train.csv",
    )
    parser.add_argument(
        "--test-ratio", type=ratio, default=defaults.test_ratio, help="share of people in test.csv"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="seed of the split")
    parser.add_argument(
        "--align",
        action="store_true",
        help="find the face with MTCNN and turn, scale and move it onto UTKFace's template",
    )
    parser.add_argument(
        "--workers", type=positive, default=None, help="processes; all cores if not given"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler (tcp://host:8786) whose workers do it; all must see the same folders",
    )
    return parser


def _preprocess(args, read, geometry, min_score=Filters.min_score, face=WHOLE):
    """Reads a dataset with `read(filters)`, makes its crops and lists, and prints what was kept and dropped.

    `geometry` and `face` say what the images are; --align overrules the geometry, and has faces searched.
    """
    if args.align:
        geometry, face = ALIGNED, CENTRAL if face == WHOLE else face
    filters = Filters(min_score, args.min_age, args.max_age)
    settings = PreprocessSettings(
        geometry, filters, args.img_size, args.split_ratio, args.test_ratio, args.seed, face
    )
    summary = preprocess(
        lambda: read(filters),
        args.photo_dir,
        args.output_dir,
        settings,
        args.workers,
        args.scheduler,
    )
    print(
        f"kept {summary['kept']}: "
        + ", ".join(f"{rows} in {name}.csv" for name, rows in summary["rows"].items())
    )
    for reason, count in summary["dropped"].items():
        print(f"dropped {count}: {reason}")
