from argparse import Namespace

import pytest

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.preprocess import add_arguments, make_settings
from age_gender_estimation.datasets.agedb import AGEDB, labels_from_name, person_from_name
from age_gender_estimation.datasets.example import Filters


@pytest.mark.parametrize(
    "name, labels, person",
    [
        ("0_MariaCallas_35_f.jpg", {"age": 35, "gender": 0}, "MariaCallas"),
        ("16488_Max_von_Sydow_101_M.JPG", {"age": 101, "gender": 1}, "Max_von_Sydow"),
        ("12_GeorgesClemenceau_7_m.jpg", {"age": 7, "gender": 1}, "GeorgesClemenceau"),
        ("1_MariaCallas_135_f.jpg", None, "MariaCallas"),
        ("1_MariaCallas_-3_f.jpg", None, None),
        ("1_MariaCallas_35_x.jpg", None, None),
        ("MariaCallas_35_f.jpg", None, None),
        ("1_MariaCallas_35_f.png", None, None),
    ],
)
def test_labels_and_person_come_from_the_name(name, labels, person):
    assert (labels_from_name(name), person_from_name(name)) == (labels, person)


def test_a_folder_of_photos_is_read(tmp_path):
    for name in ("0_MariaCallas_35_f.jpg", "1_MariaCallas_90_f.jpg", "2_GlennClose_x.jpg"):
        (tmp_path / name).touch()
    examples = AGEDB.read(Namespace(photo_dir=tmp_path), Filters(max_age=80))
    assert [(example.identity, example.labels, example.drop) for example in examples] == [
        ("MariaCallas", {"age": 35, "gender": 0}, ""),
        ("MariaCallas", {"age": 90, "gender": 0}, "age"),
        (None, {}, "file_name"),
    ]


@pytest.mark.parametrize("options, geometry", [([], "imdb_wiki"), (["--align"], "utkface")])
def test_the_central_face_is_cut_out_of_the_photos(options, geometry):
    parser = make_parser("test", "")
    add_arguments(parser, AGEDB)
    args = parser.parse_args(["--photo-dir", "a", "--output-dir", "b", *options])
    settings = make_settings(args, AGEDB)
    assert (settings.geometry, settings.face) == (geometry, "central")
