import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.faces.detector import _mtcnn
from age_gender_estimation.faces.video_frames import Video
from age_gender_estimation.predict.drawing import COLOUR
from age_gender_estimation.predict.photos import predict_photos
from age_gender_estimation.predict.video import predict_video

ASTRONAUT = skimage.data.astronaut()[:240, 100:340]
NOBODY = np.full_like(ASTRONAUT, 90)


@pytest.fixture(scope="module")
def clip(write_video, tmp_path_factory):
    """Six frames, 12.5 a second: a face, nobody, the face moved, then nobody."""
    # Keras networks made before an Estimator ran in this process (another test's detector) are invalid after it.
    _mtcnn.cache_clear()
    frames = [ASTRONAUT, NOBODY, np.roll(ASTRONAUT, -40, axis=1), NOBODY, NOBODY, NOBODY]
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", frames, 12.5)


def green(frame):
    """How many pixels have nearly the colour of boxes and labels."""
    return int((np.abs(frame.astype(int) - COLOUR).max(axis=-1) < 60).sum())


def test_each_frame_is_answered_as_the_same_picture_would_be(clip, predictor, tmp_path):
    records = list(predict_video(predictor, clip))
    assert [(record.file, record.frame, record.face) for record in records] == [
        (clip, number, 0 if number in (0, 2) else None) for number in range(6)
    ]
    assert {record.error for record in records if record.face is None} == {"no face found"}
    for number, frame in enumerate(Video(clip)):
        cv2.imwrite(str(tmp_path / "frame.png"), frame[..., ::-1])
        (photo,) = predict_photos(predictor, [str(tmp_path / "frame.png")], lambda path: False)
        assert photo.box == records[number].box and photo.error == records[number].error
        assert photo.age == (None if photo.error else pytest.approx(records[number].age, abs=1e-4))
    assert records[0].box[0] - records[2].box[0] == pytest.approx(40, abs=5)


def test_every_frame_is_drawn_also_those_between_the_answered_ones(clip, predictor, tmp_path):
    drawn = tmp_path / "out/sub/clip.mp4"
    records = list(predict_video(predictor, clip, every=3, drawn=str(drawn)))
    assert [(record.frame, record.face) for record in records] == [(0, 0), (3, None)]
    assert [path.name for path in drawn.parent.iterdir()] == ["clip.mp4"]
    video = Video(str(drawn))
    assert (video.fps, video.num_frames) == (12.5, 6)
    frames = list(video)
    assert {frame.shape for frame in frames} == {ASTRONAUT.shape}
    assert [green(frame) > 300 for frame in frames] == [True] * 3 + [False] * 3


def test_a_video_that_was_cut_off_is_answered_and_drawn_as_far_as_it_goes(
    write_video, predictor, tmp_path
):
    path = tmp_path / "clip.avi"
    write_video(path, [ASTRONAUT] * 20, codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    records = list(
        predict_video(predictor, str(path), is_whole=True, drawn=str(tmp_path / "drawn.mp4"))
    )
    count = len(records) - 1
    assert 5 < count < 15 and [record.frame for record in records] == [*range(count), None]
    assert (
        records[-1].error == f"cannot be read: it ends after {count} of 20 frames"
        and records[-1].face is None
    )
    assert all(record.box is None and 0 <= record.age <= 100 for record in records[:-1])
    assert Video(str(tmp_path / "drawn.mp4")).num_frames == count


def test_without_a_copy_it_is_answered_all_the_same_and_said_so(write_video, predictor, tmp_path):
    path, drawn = tmp_path / "wide.avi", tmp_path / "drawn.mp4"
    write_video(path, [np.zeros((32, 9000, 3), np.uint8)] * 2, codec="MJPG")
    *records, last = predict_video(predictor, str(path), is_whole=True, drawn=str(drawn))
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
