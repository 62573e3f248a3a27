import cv2
import numpy as np
import pytest

from age_gender_estimation.faces.photo import decode_photo
from age_gender_estimation.serving.drawing import COLOUR, draw_faces, draw_photos
from age_gender_estimation.serving.photos import FaceRecord

GREY = np.full((300, 400, 3), 128, np.uint8)


def face(box, path="a.png"):
    return FaceRecord(path, 0, box, 34.0, classes={"gender": 0, "race": 2}, confidences={"gender": 0.9, "race": 0.8})


def test_the_box_is_where_the_face_is_and_the_label_above_it():
    drawn = draw_faces(GREY, [face((100, 120, 80, 100))])
    for x, y in ((100, 150), (179, 150), (140, 219), (140, 120)):
        assert tuple(drawn[y, x]) == COLOUR
    assert tuple(drawn[170, 140]) == (128, 128, 128)  # the face itself stays free
    label = drawn[90:118, 100:180]
    assert (label == COLOUR).all(axis=-1).any() and (label < 60).all(axis=-1).any()  # dark letters on green
    assert (drawn[230:] == 128).all() and (GREY == 128).all()


@pytest.mark.parametrize("box", [None, (0, 0, 400, 300), (390, 0, 10, 12), (0, 290, 5, 10), (0, 0, 1, 1), (0, 0, 0, 0)])
def test_labels_stay_inside_the_photo(box):
    drawn = draw_faces(GREY, [face(box)])
    assert drawn.shape == GREY.shape and (drawn == COLOUR).all(axis=-1).sum() > 20


def test_tiny_photos_and_photos_without_a_face_are_drawn_too():
    assert draw_faces(GREY[:16, :16], [face((0, 0, 16, 16))]).shape == (16, 16, 3)
    assert (draw_faces(GREY, [FaceRecord("a.png", error="no face found")]) == GREY).all()


def test_each_photo_is_written_once_with_all_its_faces_before_its_records_go_on(tmp_path):
    for name in "ab":
        cv2.imwrite(str(tmp_path / f"{name}.png"), GREY)
    (tmp_path / "c.png").write_bytes(b"garbage")
    a, b, c = (str(tmp_path / f"{name}.png") for name in "abc")
    records = [
        face((10, 50, 40, 50), a),
        face((210, 50, 40, 50), a),
        face(None, b),
        FaceRecord(c, error="cannot be read"),
    ]
    target = {path: str(tmp_path / "out" / "sub" / f"{index}.jpg") for index, path in enumerate((a, b, c))}
    stream = draw_photos(iter(records), target.get)
    assert next(stream) is records[0] and (tmp_path / "out/sub/0.jpg").exists()
    assert not (tmp_path / "out/sub/1.jpg").exists()
    assert list(stream) == records[1:]
    assert sorted(path.name for path in (tmp_path / "out/sub").iterdir()) == ["0.jpg", "1.jpg"]
    drawn = decode_photo((tmp_path / "out/sub/0.jpg").read_bytes()).astype(int)
    for x in (10, 210):
        assert np.abs(drawn[75, x] - COLOUR).max() < 80  # JPEG blurs a line of one pixel
