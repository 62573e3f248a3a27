"""People's own images: a CSV with labels, and a folder of crops or of photos with one face."""

from age_gender_estimation.datasets.csv_file import read_csv_dataset
from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.faces.crop import ALIGNED, GEOMETRIES

CSV = Dataset(
    description="your own face crops, or photos with one face, and a CSV of their labels",
    photo_dir="folder of the images",
    geometry="imdb_wiki",
    read=lambda arguments, filters: read_csv_dataset(arguments.csv, filters),
    arguments={
        "--csv": {
            "required": True,
            "help": "the labels: columns filename and any of age, gender, race, person, split",
        },
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
