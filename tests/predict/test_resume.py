import pytest

from age_gender_estimation.predict.output import write_records
from age_gender_estimation.predict.photos import FaceRecord
from age_gender_estimation.predict.resume import NOTHING, read_partial_csv

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
        assert (done.num_answers + counts[0], done.num_errors + counts[1]) == (5, 3)
        numbers.add(done.num_inputs)
    assert numbers == {0, 1, 2, 3, 4}  # the last photo or video is always asked again


@pytest.mark.parametrize("photos", [["b.jpg", *PHOTOS], PHOTOS[1:], PHOTOS[:2], []])
def test_the_answers_of_other_photos_are_not_kept(tmp_path, photos):
    (tmp_path / "faces.csv").write_bytes(csv_of(RECORDS)[0])
    assert read_partial_csv(tmp_path / "faces.csv", photos) == NOTHING


@pytest.mark.parametrize("content", [None, b"", b"\xff\x00", b"file,age\na.jpg,3\nb.jpg,4\n"])
def test_what_is_no_such_file_is_begun_anew(tmp_path, content):
    if content is not None:
        (tmp_path / "faces.csv").write_bytes(content)
    assert read_partial_csv(tmp_path / "faces.csv", ["a.jpg", "b.jpg"]) == NOTHING
