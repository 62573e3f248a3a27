import pytest

from age_gender_estimation.predict.output import write_records
from age_gender_estimation.predict.output_file import Finished, open_output, read_partial_csv
from age_gender_estimation.predict.records import FaceRecord

RECORDS = [
    FaceRecord("a.jpg", 0, (1, 2, 3, 4), 30.0, classes={"gender": 1}, confidences={"gender": 0.9}),
    FaceRecord("a.jpg", 1, (5, 2, 3, 4), 31.0),
    FaceRecord('b, "\n\r".jpg', error="no face found"),
    FaceRecord("c\udcff.jpg", 0, age=4.0),
    FaceRecord("d.mp4", error="no face found", frame=0),
    FaceRecord("d.mp4", 0, age=5.0, frame=1),
    FaceRecord("d.mp4", error="cannot be read: it ends after 2 of 9 frames"),
    FaceRecord("e.jpg", 0, age=5.0),
]
PHOTOS = list(dict.fromkeys(record.file for record in RECORDS))


def csv_of(records, with_header=True):
    pieces = []
    counts = write_records(
        [(record, None) for record in records], "csv", True, pieces.append, with_header
    )
    return "".join(pieces).encode("utf-8", "surrogateescape"), counts


def test_cut_off_anywhere_the_rest_completes_it_to_the_same_bytes(tmp_path):
    (whole, _), path = csv_of(RECORDS), tmp_path / "faces.csv"
    numbers = set()
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        done = read_partial_csv(path, PHOTOS)
        open_records = [record for record in RECORDS if record.file in PHOTOS[done.num_inputs :]]
        rest, counts = csv_of(open_records, with_header=not done.num_inputs)
        assert whole[:length][: done.num_bytes] + rest == whole
        assert (done.num_faces + counts[0], done.num_errors + counts[1]) == (5, 3)
        numbers.add(done.num_inputs)
    assert numbers == {0, 1, 2, 3, 4}  # the last one is always predicted again


@pytest.mark.parametrize("photos", [["b.jpg", *PHOTOS], PHOTOS[1:], PHOTOS[:2], []])
def test_the_rows_of_other_photos_are_not_kept(tmp_path, photos):
    (tmp_path / "faces.csv").write_bytes(csv_of(RECORDS)[0])
    assert read_partial_csv(tmp_path / "faces.csv", photos) == Finished()


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"file,age\na.jpg,3\nb.jpg,4\n"])
def test_what_is_no_such_file_is_started_again(tmp_path, content):
    if content is not None:
        (tmp_path / "faces.csv").write_bytes(content)
    assert read_partial_csv(tmp_path / "faces.csv", ["a.jpg", "b.jpg"]) == Finished()


def test_only_the_same_settings_resume_and_the_name_comes_last(tmp_path):
    path = str(tmp_path / "faces.csv")
    with pytest.raises(KeyboardInterrupt), open_output(path, "one", PHOTOS) as (file, _):
        file.write(csv_of(RECORDS)[0].decode("utf-8", "surrogateescape"))
        raise KeyboardInterrupt
    with open_output(path, "two", PHOTOS) as (_, done):
        assert done == Finished()
    with open_output(path, "one", PHOTOS) as (_, done):
        assert done.num_inputs == 4
    assert [entry.name for entry in tmp_path.iterdir()] == ["faces.csv"]


def test_a_file_that_cannot_be_written_has_its_own_name_in_the_error(tmp_path):
    path = str(tmp_path / "missing/faces.csv")
    with pytest.raises(FileNotFoundError) as caught, open_output(path, "", []):
        pass
    assert caught.value.filename == path
