import resource
import signal
import time

import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces.video_frames import Video
from age_gender_estimation.predict.drawing import COLOUR
from age_gender_estimation.predict.photos import predict_image
from age_gender_estimation.predict.video import DrawnVideo, predict_video

ASTRONAUT = skimage.data.astronaut()[:240, 100:340]
NOBODY = np.full_like(ASTRONAUT, 90)


@pytest.fixture(scope="module")
def clip(write_video, tmp_path_factory):
    """Six frames, 12.5 a second: a face, nobody, the face moved, then nobody."""
    frames = [ASTRONAUT, NOBODY, np.roll(ASTRONAUT, -40, axis=1), NOBODY, NOBODY, NOBODY]
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames, 12.5)


def green(frame):
    """How many pixels have nearly the colour of boxes and labels."""
    return int((np.abs(frame.astype(int) - COLOUR).max(axis=-1) < 60).sum())


def test_each_frame_is_predicted_as_the_same_image_would_be(clip, predictor):
    records = list(predict_video(predictor, clip))
    assert [(record.file, record.frame, record.face) for record in records] == [
        (clip, number, 0 if number in (0, 2) else None) for number in range(6)
    ]
    assert {record.error for record in records if record.face is None} == {"no face found"}
    for number, frame in enumerate(Video(clip)):
        (photo,) = predict_image(predictor, frame, "frame")
        assert photo.box == records[number].box and photo.error == records[number].error
        assert photo.age == (None if photo.error else pytest.approx(records[number].age, abs=1e-4))
    assert records[0].box[0] - records[2].box[0] == pytest.approx(40, abs=5)


def test_every_frame_is_drawn_also_those_between_the_predicted_ones(clip, predictor, tmp_path):
    drawn = tmp_path / "out/sub/clip.mp4"
    records = list(predict_video(predictor, clip, every=3, drawn=str(drawn)))
    assert [(record.frame, record.face) for record in records] == [(0, 0), (3, None)]
    assert [path.name for path in drawn.parent.iterdir()] == ["clip.mp4"]
    video = Video(str(drawn))
    assert (video.fps, video.num_frames) == (12.5, 6)
    frames = list(video)
    assert {frame.shape for frame in frames} == {ASTRONAUT.shape}
    assert [green(frame) > 300 for frame in frames] == [True] * 3 + [False] * 3


def test_a_video_that_was_cut_off_is_predicted_and_drawn_as_far_as_it_goes(
    write_video, predictor, tmp_path
):
    path = tmp_path / "clip.avi"
    write_video(path, [ASTRONAUT] * 20, codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    records = list(
        predict_video(predictor, str(path), is_crop=True, drawn=str(tmp_path / "drawn.mp4"))
    )
    count = len(records) - 1
    assert 5 < count < 15 and [record.frame for record in records] == [*range(count), None]
    assert (
        records[-1].error == f"cannot be read: it ends after {count} of 20 frames"
        and records[-1].face is None
    )
    assert all(record.box is None and 0 <= record.age <= 100 for record in records[:-1])
    assert Video(str(tmp_path / "drawn.mp4")).num_frames == count


def test_a_missing_copy_is_reported_after_the_predictions(write_video, predictor, tmp_path):
    path, drawn = tmp_path / "wide.avi", tmp_path / "drawn.mp4"
    write_video(path, [np.zeros((32, 9000, 3), np.uint8)] * 2, codec="MJPG")
    *records, last = predict_video(predictor, str(path), is_crop=True, drawn=str(drawn))
    assert [(record.frame, record.error) for record in records] == [
        (0, ""),
        (1, ""),
    ] and not drawn.exists()
    assert last.frame is None and last.error.startswith(
        "the drawn copy is missing: a video of 9000x32 pixels"
    )


def test_what_cannot_be_opened_is_one_record_and_no_drawn_copy(predictor, tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"garbage")
    drawn = tmp_path / "drawn/clip.mp4"
    for source, reason in (
        (str(tmp_path / "clip.mp4"), "not a video"),
        (7, "expected a camera with the number 7"),
    ):
        (record,) = predict_video(predictor, source, drawn=str(drawn))
        assert record.file == str(source) and record.frame is None
        assert record.error.startswith(f"cannot be read: {reason}") and not drawn.exists()


def test_told_to_stop_it_ends_after_a_frame_with_a_whole_copy(clip, predictor, tmp_path):
    records, drawn = [], str(tmp_path / "drawn.mp4")
    for record in predict_video(
        predictor, clip, True, drawn=drawn, should_stop=lambda: len(records) == 2
    ):
        records.append(record)
    assert [record.frame for record in records] == [0, 1] and Video(drawn).num_frames == 2


def test_what_is_broken_off_keeps_its_temporary_name(clip, predictor, tmp_path):
    stream = predict_video(predictor, clip, True, drawn=str(tmp_path / "drawn.mp4"))
    assert [next(stream).frame for _ in range(3)] == [0, 1, 2]
    stream.close()
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.mp4.tmp.mp4"]
    assert Video(str(tmp_path / "drawn.mp4.tmp.mp4")).num_frames == 2


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


@pytest.mark.parametrize("fps", [1, 23.976, 66.6667, 240.01, 599.9])
def test_a_video_has_the_rate_that_it_was_given(tmp_path, fps):
    with DrawnVideo(str(tmp_path / "clip.mp4"), fps) as video:
        for _ in range(3):
            video.write(NOBODY)
    assert Video(str(tmp_path / "clip.mp4")).fps == pytest.approx(fps, abs=0.01)


def test_a_live_video_lasts_as_long_as_its_frames_took(tmp_path):
    begun = time.monotonic()
    with DrawnVideo(str(tmp_path / "clip.mp4"), 20, is_live=True) as video:
        video.write(NOBODY)
        time.sleep(0.5)
        for _ in range(3):  # no frame is left out, however fast they come
            video.write(NOBODY // 4)
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
