"""The datasets that `preprocess` reads, by name.

A new dataset is a file that defines a Dataset, and an entry here.
"""

from age_gender_estimation.datasets.adience import ADIENCE
from age_gender_estimation.datasets.agedb import AGEDB
from age_gender_estimation.datasets.all_age_faces import ALL_AGE_FACES
from age_gender_estimation.datasets.appa_real import APPA_REAL
from age_gender_estimation.datasets.csv_dataset import CSV
from age_gender_estimation.datasets.dataset import Dataset
from age_gender_estimation.datasets.fairface import FAIRFACE
from age_gender_estimation.datasets.imdb_wiki import IMDB, WIKI
from age_gender_estimation.datasets.utkface import UTKFACE

DATASETS: dict[str, Dataset] = {
    "imdb": IMDB,
    "wiki": WIKI,
    "utkface": UTKFACE,
    "fairface": FAIRFACE,
    "adience": ADIENCE,
    "all_age_faces": ALL_AGE_FACES,
    "appa_real": APPA_REAL,
    "agedb": AGEDB,
    "csv": CSV,
}
