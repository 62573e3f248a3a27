import pytest

from age_gender_estimation.predict.known_labels import KnownLabels


@pytest.fixture
def out(tmp_path):
    (tmp_path / "crop" / "25").mkdir(parents=True)
    (tmp_path / "train.csv").write_text('filename,age,gender\n"25/a, b.jpg",46,1\n')
    (tmp_path / "val.csv").write_text("filename,age,gender\n25/c.jpg,,0\n")
    return tmp_path


def test_lists_beside_the_crop_folder_know_their_pictures(out, monkeypatch):
    labels = {"age": 46, "gender": 1, "race": None}
    assert KnownLabels().find(str(out / "crop/25/a, b.jpg")) == (labels, True)
    assert KnownLabels().find(str(out / "crop/25/c.jpg")) == (
        {"age": None, "gender": 0, "race": None},
        True,
    )
    monkeypatch.chdir(out / "crop")
    assert KnownLabels().find("25/a, b.jpg") == (labels, True)


def test_the_nearest_crop_folder_counts(out):
    inner = out / "crop" / "x"
    (inner / "crop").mkdir(parents=True)
    (inner / "val.csv").write_text("filename,age\na.jpg,7\n")
    assert KnownLabels().find(str(inner / "crop" / "a.jpg"))[0]["age"] == 7


def test_other_photos_are_unknown_or_tell_by_their_name(out):
    assert KnownLabels().find(str(out / "crop/25/other.jpg")) == (None, False)
    assert KnownLabels().find("/photos/26_0_2_1.jpg") == (
        {"age": 26, "gender": 1, "race": 2},
        False,
    )


def test_a_file_that_is_called_like_a_list_and_is_none_counts_for_nothing(out, caplog):
    (out / "test.csv").write_text("id,label\n1,2\n")
    assert (
        KnownLabels().find(str(out / "crop/25/c.jpg"))[1]
        and not KnownLabels().find(str(out / "crop/x.jpg"))[1]
    )
    assert (
        "not taken as a manifest of the crops" in caplog.text
        and "test.csv: expected a header line" in caplog.text
    )


def test_a_given_csv_goes_first(out):
    (out / "mine.csv").write_text("filename,age\n25/c.jpg,80\n")
    labels, is_listed = KnownLabels(str(out / "mine.csv")).find(str(out / "crop/25/c.jpg"))
    assert labels["age"] == 80 and is_listed
