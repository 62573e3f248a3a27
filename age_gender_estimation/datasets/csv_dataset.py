"""People's own images: a CSV with labels, and a folder of crops or of photos with one face."""

from collections.abc import Mapping
from types import MappingProxyType

from age_gender_estimation.datasets.csv_columns import COLUMNS, parse_columns
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.datasets.dataset import FOLD_HELP, Dataset
from age_gender_estimation.datasets.example import BAD_ROW, Example, Filters
from age_gender_estimation.faces.crop import ALIGNED, GEOMETRIES


def read_csv_dataset(
    path: str,
    filters: Filters,
    names: Mapping[str, str] = MappingProxyType({}),
    skip_bad_rows: bool = False,
) -> list[Example]:
    """Reads people's own labelled images.

    `person` keeps all images of somebody on one side of the split; without it, equal content does.
    `split` prescribes the side, `fold` names the part that --fold may hold out.

    Args:
      path: the CSV file.
      filters: only the age range is used. An image without any label is dropped as `no_label`.
      names, skip_bad_rows: see `read_labelled_csv`. Bad rows are dropped as `bad_row`.

    Returns:
      The examples in the file's order, bad rows last.

    Raises:
      InputError: see `read_labelled_csv`; or no rows at all.
    """
    table = read_labelled_csv(path, names, skip_bad_rows).require_rows()
    examples = []
    for index, filename in enumerate(table.filenames):
        labels = table.labels_of(index)
        person, split, fold = (
            column[index] or None if column else None
            for column in (table.people, table.splits, table.folds)
        )
        drop = filters.drop_reason(labels)
        examples.append(Example(filename, labels, person, split, fold, drop))
    return examples + [Example(row, drop=BAD_ROW) for row in table.bad_rows]


CSV = Dataset(
    description="your own face crops, or photos with one face, and a CSV of their labels",
    photo_dir="folder of the images",
    geometry="imdb_wiki",
    read=lambda arguments, filters: read_csv_dataset(
        arguments.csv, filters, parse_columns(arguments.columns), arguments.skip_bad_rows
    ),
    arguments={
        "--csv": {
            "required": True,
            "help": "the labels: columns filename and any of age, gender, race, person, split and "
            "fold",
        },
        "--columns": {
            "metavar": "OURS=YOURS,...",
            "help": "what the file calls its columns, as in age=Alter,gender=Geschlecht; ours are "
            f"{', '.join(COLUMNS)}. Common names are known",
        },
        "--skip-bad-rows": {
            "action": "store_true",
            "help": "leave out rows with a wrong value, and count them",
        },
        "--fold": {"help": FOLD_HELP.format("a name in the column fold")},
        "--geometry": {
            "choices": sorted(GEOMETRIES),
            "help": "crop geometry of the images, or of the crops that --detect cuts; predict cuts "
            f"faces in the same way; imdb_wiki if not given, {ALIGNED} with --align",
        },
        "--detect": {
            "action": "store_true",
            "help": "the images are photos: find the face in each; photos with no face or several "
            "faces are dropped",
        },
    },
)
