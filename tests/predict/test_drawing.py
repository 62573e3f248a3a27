import resource
import signal
import time

import cv2
import numpy as np
import pytest

from age_gender_estimation.faces.photo import decode_photo
from age_gender_estimation.faces.video_frames import Video
from age_gender_estimation.predict.drawing import COLOUR, DrawnVideo, draw_faces, draw_photos
from age_gender_estimation.predict.photos import FaceRecord

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
    target = {
        path: str(tmp_path / "out" / "sub" / f"{index}.jpg") for index, path in enumerate((a, b, c))
    }
    stream = draw_photos(iter(records), target.get)
    assert next(stream) is records[0] and (tmp_path / "out/sub/0.jpg").exists()
    assert not (tmp_path / "out/sub/1.jpg").exists()
    assert list(stream) == records[1:]
    assert sorted(path.name for path in (tmp_path / "out/sub").iterdir()) == ["0.jpg", "1.jpg"]
    drawn = decode_photo((tmp_path / "out/sub/0.jpg").read_bytes()).astype(int)
    for x in (10, 210):
        assert np.abs(drawn[75, x] - COLOUR).max() < 80  # JPEG blurs a line of one pixel


def test_a_video_has_every_frame_in_the_size_of_the_first(tmp_path):
    path = str(tmp_path / "new/clip.mp4")
    with DrawnVideo(path, 29.97) as video:
        for value, side in ((0, 1), (80, 2), (160, 3), (240, 1)):
            video.write(np.full((100 * side, 151 * side, 3), value, np.uint8))
        assert not (tmp_path / "new/clip.mp4").exists()
    read = Video(path)
    assert read.fps == pytest.approx(29.97, abs=0.01)
    frames = list(read)
    assert [frame.shape for frame in frames] == [(100, 150, 3)] * 4
    assert [round(frame.mean() / 80) for frame in frames] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "fps", [1, 23.976, 65.5349, 65.536, 66.6667, 90.0333, 119.7531, 240.01, 599.9]
)
def test_a_video_has_the_rate_that_it_was_given(tmp_path, fps):
    with DrawnVideo(str(tmp_path / "clip.mp4"), fps) as video:
        for _ in range(3):
            video.write(GREY)
    assert Video(str(tmp_path / "clip.mp4")).fps == pytest.approx(fps, abs=0.01)


def test_a_live_video_lasts_as_long_as_its_frames_took(tmp_path):
    begun = time.monotonic()
    with DrawnVideo(str(tmp_path / "clip.mp4"), 20, is_live=True) as video:
        video.write(GREY)
        time.sleep(0.5)
        for _ in range(3):  # no frame is left out, however fast they come
            video.write(GREY // 4)
        num_most = 4 + 20 * (time.monotonic() - begun)
    is_first = [frame.mean() > 80 for frame in Video(str(tmp_path / "clip.mp4"))]
    assert 1 + 20 * 0.5 <= len(is_first) <= num_most
    assert is_first == [True] * (len(is_first) - 3) + [False] * 3  # shown until the next came


@pytest.mark.parametrize("size", [(20, 9000), (20, 0)])
def test_a_video_that_cannot_be_written_is_refused(tmp_path, size):
    with DrawnVideo(str(tmp_path / "clip.mp4"), 25) as video:
        for _ in range(2):
            video.write(np.zeros((*size, 3), np.uint8))
    assert (
        video.problem
        == f"a video of {size[1]}x20 pixels, 25 frames a second, cannot be written here"
    )
    assert not (tmp_path / "clip.mp4").exists()


def test_a_full_disk_is_noticed(tmp_path):
    """OpenCV goes on without a word; a limit on the size of files stands for the disk."""
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    before, handler = (
        resource.getrlimit(resource.RLIMIT_FSIZE),
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
    )
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with DrawnVideo(str(tmp_path / "clip.mp4"), 25) as video:
            for _ in range(40):
                video.write(noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert video.problem.endswith(" of 40 frames were written; is the disk full?")
    assert not (tmp_path / "clip.mp4").exists()
