"""The arguments and the output that the three preprocess scripts share."""
from flags import make_parser, positive, ratio

from age_gender_estimation.data.crops import CENTRAL, WHOLE
from age_gender_estimation.data.preprocess import PreprocessSettings, preprocess
from age_gender_estimation.datasets.example import Filters
from age_gender_estimation.faces.crop import ALIGNED


def preprocess_parser(docstring, max_age):
    """Returns a parser with everything but the flags of one dataset; `max_age` is the dataset's default in years."""
    parser = make_parser(docstring)
    defaults = PreprocessSettings
    parser.add_argument("--output-dir", required=True, help="OUT: gets crop/, train.csv, val.csv and preprocess.json")
    parser.add_argument("--img-size", type=positive, default=defaults.img_size, help="side of the crops in pixels")
    parser.add_argument("--min-age", type=int, default=Filters.min_age, help="youngest age in years to keep")
    parser.add_argument("--max-age", type=int, default=max_age, help="oldest age in years to keep")
    parser.add_argument("--split-ratio", type=ratio, default=defaults.split_ratio, help="share of people in train.csv")
    parser.add_argument("--test-ratio", type=ratio, default=defaults.test_ratio, help="share of people in test.csv")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of the split")
    parser.add_argument("--align", action="store_true",
                        help="find the face with MTCNN and turn, scale and move it onto UTKFace's template")
    parser.add_argument("--workers", type=positive, default=None, help="processes; all cores if not given")
    parser.add_argument("--scheduler", metavar="ADDRESS",
                        help="Dask scheduler (tcp://host:8786) whose workers do it; all must see the same folders")
    return parser


def preprocess_and_report(args, read, photo_dir, geometry, min_score=Filters.min_score, face=WHOLE):
    """Reads a dataset with `read(filters)`, makes its crops and lists, and prints what was kept and dropped.

    `geometry` and `face` say what the pictures are; --align overrules the geometry, and has faces searched.
    """
    if args.align:
        geometry, face = ALIGNED, CENTRAL if face == WHOLE else face
    filters = Filters(min_score, args.min_age, args.max_age)
    settings = PreprocessSettings(geometry, filters, args.img_size, args.split_ratio, args.test_ratio, args.seed,
                                  face)
    summary = preprocess(lambda: read(filters), photo_dir, args.output_dir, settings, args.workers, args.scheduler)
    print(f"kept {summary['kept']}: " + ", ".join(f"{rows} in {name}.csv" for name, rows in summary["rows"].items()))
    for reason, count in summary["dropped"].items():
        print(f"dropped {count}: {reason}")
