r"""Turns a dataset into face crops, train.csv and val.csv.

age-gender preprocess imdb --db-path data/imdb_crop/imdb.mat --photo-dir data/imdb_crop \
    --output-dir var
age-gender preprocess utkface --photo-dir data/UTKFace --output-dir var
age-gender preprocess adience --photo-dir data/adience --fold 0 --align --output-dir var
age-gender preprocess csv --csv faces.csv --photo-dir faces --output-dir var
age-gender preprocess csv --csv photos.csv --photo-dir photos --output-dir var --detect --align
"""

import argparse
import pathlib

from age_gender_estimation.cli.arguments import HelpFormatter, make_parser, positive, ratio
from age_gender_estimation.data.crops import CENTRAL, ONLY, WHOLE
from age_gender_estimation.data.preprocess import preprocess
from age_gender_estimation.data.preprocess_settings import PreprocessSettings
from age_gender_estimation.data.split_writer import Dropped
from age_gender_estimation.datasets.csv_file import SPLITS
from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.datasets.registry import DATASETS
from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.crop import ALIGNED


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("age-gender preprocess", __doc__)
    commands = parser.add_subparsers(dest="dataset", required=True, metavar="DATASET")
    for name, dataset in DATASETS.items():
        add_arguments(
            commands.add_parser(
                name,
                help=dataset.description,
                description=dataset.description,
                formatter_class=HelpFormatter,
            ),
            dataset,
        )
    args = parser.parse_args(argv)
    dataset = DATASETS[args.dataset]
    settings = make_settings(args, dataset)
    check_output_dir(args, dataset)
    summary = preprocess(
        lambda: dataset.read(args, settings.filters),
        args.photo_dir,
        args.output_dir,
        settings,
        args.workers,
        args.scheduler,
    )
    rows = (f"{count} in {split}.csv" for split, count in summary["rows"].items())
    print(f"kept {summary['kept']}: {', '.join(rows)}")
    for line in Dropped(summary["dropped"], summary["examples"]).lines(args.photo_dir):
        print(line)


def add_arguments(parser: argparse.ArgumentParser, dataset: Dataset) -> None:
    """Adds the arguments that a dataset declares, and those of all datasets."""
    defaults = PreprocessSettings
    for flag, options in dataset.arguments.items():
        parser.add_argument(flag, **options)
    parser.add_argument("--photo-dir", required=True, help=dataset.photo_dir)
    parser.add_argument(
        "--output-dir",
        required=True,
        help="OUT: gets crop/, train.csv, val.csv and preprocess.json",
    )
    parser.add_argument(
        "--img-size", type=positive, default=defaults.img_size, help="side of the crops in pixels"
    )
    parser.add_argument(
        "--min-age", type=int, default=Filters.min_age, help="lowest age in years to keep"
    )
    parser.add_argument(
        "--max-age", type=int, default=dataset.max_age, help="highest age in years to keep"
    )
    parser.add_argument(
        "--split-ratio",
        type=ratio,
        default=defaults.split_ratio,
        help="share of people in train.csv, of those who are not in test.csv",
    )
    parser.add_argument(
        "--test-ratio", type=ratio, default=defaults.test_ratio, help="share of people in test.csv"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="seed of the split")
    parser.add_argument(
        "--align",
        action="store_true",
        help="find the face with MTCNN, and turn, scale and move it onto UTKFace's template",
    )
    parser.add_argument(
        "--workers", type=positive, help="number of worker processes; one per core if not given"
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler (tcp://host:8786) whose workers make the crops; all of them must see "
        "the same folders",
    )


def make_settings(args: argparse.Namespace, dataset: Dataset) -> PreprocessSettings:
    """Returns the settings that the arguments and the dataset's defaults give.

    Raises:
      SettingError: --align and another --geometry, or --fold and --test-ratio.
    """
    fold = getattr(args, "fold", None)
    if fold is not None and args.test_ratio:
        raise SettingError(f"--fold {fold} gives test.csv; leave --test-ratio out")
    geometry = getattr(args, "geometry", None)
    face = CENTRAL if dataset.has_photos else WHOLE
    if getattr(args, "detect", False):
        face = ONLY
    if args.align:
        if geometry not in (None, ALIGNED):
            raise SettingError(
                f"--align gives the geometry {ALIGNED}; leave --geometry {geometry} out"
            )
        geometry, face = ALIGNED, CENTRAL if face == WHOLE else face
    min_score = getattr(args, "min_score", Filters.min_score)
    return PreprocessSettings(
        geometry or dataset.geometry,
        Filters(min_score, args.min_age, args.max_age),
        args.img_size,
        args.split_ratio,
        args.test_ratio,
        args.seed,
        face,
        fold,
    )


def check_output_dir(args: argparse.Namespace, dataset: Dataset) -> None:
    """Raises SettingError where the output would become, or replace, an input."""
    output_dir, photo_dir = (
        pathlib.Path(folder).resolve() for folder in (args.output_dir, args.photo_dir)
    )
    if dataset.lists_photo_dir and output_dir.is_relative_to(photo_dir):
        raise SettingError(
            "--output-dir lies in --photo-dir: its crops would be read as images the next time"
        )
    manifests = [output_dir / f"{split}.csv" for split in SPLITS]
    for flag in dataset.arguments:
        value = getattr(args, flag.removeprefix("--").replace("-", "_"))
        if isinstance(value, str) and pathlib.Path(value).resolve() in manifests:
            raise SettingError(
                f"{flag} {value}: the lists would replace it; choose another --output-dir"
            )
