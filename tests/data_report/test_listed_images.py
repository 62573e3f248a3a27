import hashlib
import subprocess
import sys

import pytest

from age_gender_estimation.data.source_names import source_names
from age_gender_estimation.data_report.listed_images import read_images
from age_gender_estimation.errors import SettingError


def test_faces_come_in_the_order_of_the_rows_with_labels_and_hash(manifests, listed):
    faces = read_images(manifests)
    assert [face.source for face in faces] == ["train.csv"] * 9 + ["val.csv"] * 3
    assert [face.filename[0] for face in faces] == list("abcdefgbbv<w")
    assert faces[4].labels == {"age": 81, "gender": 1, "race": 2}
    assert faces[9].labels == {"age": 52, "gender": 1, "race": None}
    assert faces[4].content == hashlib.sha256((listed / "crop/e.png").read_bytes()).hexdigest()


def test_a_picture_that_cannot_be_read_says_why_and_has_no_content(manifests, listed):
    broken = read_images(manifests)[8]
    assert (broken.filename, broken.content, broken.problem) == (
        "broken.jpg",
        "",
        "the file is truncated or damaged",
    )


def test_a_picture_that_goes_away_is_no_crash(manifests, listed):
    path = listed / "crop/w.png"
    path.rename(listed / "crop/elsewhere.png")
    try:
        assert read_images(manifests)[11].problem == "cannot be read (No such file or directory)"
    finally:
        (listed / "crop/elsewhere.png").rename(path)


def test_a_list_is_named_by_as_many_folders_as_tell_it_from_the_others():
    assert source_names(["/x/train.csv", "/x/val.csv"]) == ["train.csv", "val.csv"]
    assert source_names(["/x/imdb/train.csv", "/x/wiki/train.csv", "/x/val.csv"]) == [
        "imdb/train.csv",
        "wiki/train.csv",
        "val.csv",
    ]
    assert source_names(["/train.csv", "/x/train.csv"]) == ["train.csv", "x/train.csv"]


def test_a_list_given_twice_is_refused():
    with pytest.raises(SettingError, match="expected every CSV once, got x/../a.csv 2 times"):
        source_names(["x/../a.csv", "b.csv", "a.csv"])


def test_the_numbers_need_no_tensorflow():
    code = (
        "import sys; import age_gender_estimation.data_report.page; "
        "import age_gender_estimation.data_report.listed_images; "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
