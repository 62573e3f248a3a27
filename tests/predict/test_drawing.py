import cv2
import numpy as np
import pytest

from age_gender_estimation.faces.photo import decode_photo
from age_gender_estimation.predict.drawing import COLOUR, draw_faces, draw_photo
from age_gender_estimation.predict.records import FaceRecord

GREY = np.full((300, 400, 3), 128, np.uint8)


def face(box, path="a.png"):
    return FaceRecord(
        path,
        0,
        box,
        34.0,
        classes={"gender": 0, "race": 2},
        confidences={"gender": 0.9, "race": 0.8},
    )


def test_the_box_is_where_the_face_is_and_the_label_above_it():
    drawn = draw_faces(GREY, [face((100, 120, 80, 100))])
    for x, y in ((100, 150), (179, 150), (140, 219), (140, 120)):
        assert tuple(drawn[y, x]) == COLOUR
    assert tuple(drawn[170, 140]) == (128, 128, 128)  # the face itself stays free
    label = drawn[90:118, 100:180]
    assert (label == COLOUR).all(axis=-1).any() and (label < 60).all(
        axis=-1
    ).any()  # dark letters on green
    assert (drawn[230:] == 128).all() and (GREY == 128).all()


@pytest.mark.parametrize(
    "box", [None, (0, 0, 400, 300), (390, 0, 10, 12), (0, 290, 5, 10), (0, 0, 1, 1), (0, 0, 0, 0)]
)
def test_labels_stay_inside_the_photo(box):
    drawn = draw_faces(GREY, [face(box)])
    assert drawn.shape == GREY.shape and (drawn == COLOUR).all(axis=-1).sum() > 20


def test_tiny_photos_and_photos_without_a_face_are_drawn_too():
    assert draw_faces(GREY[:16, :16], [face((0, 0, 16, 16))]).shape == (16, 16, 3)
    assert (draw_faces(GREY, [FaceRecord("a.png", error="no face found")]) == GREY).all()


def test_a_copy_has_all_faces_and_an_unreadable_photo_gets_none(tmp_path):
    path, target = str(tmp_path / "a.png"), tmp_path / "out/sub/a.jpg"
    cv2.imwrite(path, GREY)
    draw_photo(path, [face((10, 50, 40, 50)), face((210, 50, 40, 50))], str(target))
    drawn = decode_photo(target.read_bytes()).astype(int)
    for x in (10, 210):
        assert np.abs(drawn[75, x] - COLOUR).max() < 80  # JPEG blurs a line of one pixel
    (tmp_path / "c.png").write_bytes(b"garbage")
    draw_photo(str(tmp_path / "c.png"), [FaceRecord("c.png", error="no")], f"{target}2")
    assert [entry.name for entry in target.parent.iterdir()] == ["a.jpg"]
