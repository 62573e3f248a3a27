"""Videos as people have them; OpenCV writes them here."""

import pathlib
import struct

import cv2
import numpy as np
import pytest

from age_gender_estimation.faces.video_frames import UnreadableVideo, Video
from age_gender_estimation.predict.inputs import VIDEO_ENDINGS

# Left half red, then less and less of it: every frame is another, and left, right, top and bottom
# differ.
FRAMES = [np.zeros((48, 64, 3), np.uint8) for _ in range(30)]
for number, frame in enumerate(FRAMES):
    frame[:, : 32 - number, 0] = 200
    frame[:8, 48:, 2] = 255
TOLERANCE = 8  # of the mean difference: codecs keep colours at half the resolution


def turn_in_header(path):
    """Notes in an MP4 that players are to turn it by 90 degrees clockwise, as phones do."""
    data = bytearray(pathlib.Path(path).read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40  # ISO/IEC 14496-12, 8.3.2
    assert data[matrix : matrix + 4] == struct.pack(">i", 1 << 16)
    data[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30)
    pathlib.Path(path).write_bytes(data)


@pytest.mark.parametrize(
    "ending, codec",
    [("mp4", "mp4v"), ("mov", "mp4v"), ("avi", "MJPG"), ("mkv", "mp4v"), ("webm", "VP80")],
)
@pytest.mark.parametrize("fps", [10, 29.97])
def test_every_frame_comes_in_its_turn(write_video, tmp_path, ending, codec, fps):
    video = Video(write_video(tmp_path / f"clip.{ending}", FRAMES, fps, codec))
    assert video.fps == pytest.approx(fps, abs=0.01) and video.num_frames == 30
    frames = list(video)
    assert len(frames) == 30 and video.problem == ""
    for frame, expected in zip(frames, FRAMES):
        assert frame.dtype == np.uint8 and np.abs(frame.astype(int) - expected).mean() < TOLERANCE
    assert np.abs(frames[5].astype(int) - FRAMES[15]).mean() > TOLERANCE


@pytest.mark.parametrize(
    "ending, codec",
    [
        (ending, "mp4v")
        for ending in ("m4v", "mpg", "mpeg", "vob", "ts", "mts", "m2ts", "wmv", "asf", "3gp", "3g2")
    ]
    + [("flv", "FLV1"), ("ogv", "VP80")],
)
def test_the_other_endings_stand_for_what_is_decoded(write_video, tmp_path, ending, codec):
    path = write_video(tmp_path / f"clip.{ending}", FRAMES, 25, codec)
    assert path.endswith(VIDEO_ENDINGS)
    video = Video(path)
    frames = list(video)
    assert len(frames) == 30 and video.problem == "" and video.fps == 25
    assert np.abs(frames[15].astype(int) - FRAMES[15]).mean() < TOLERANCE


@pytest.mark.parametrize("fps, taken", [(240.01, 240.01), (480, 480), (600, 25), (1000, 25)])
def test_rates_of_slow_motion_are_taken_and_those_of_clocks_are_not(
    write_video, tmp_path, fps, taken
):
    assert Video(write_video(tmp_path / "clip.mp4", FRAMES[:3], fps)).fps == pytest.approx(
        taken, abs=0.01
    )


def test_the_video_of_a_phone_is_turned_upright(write_video, tmp_path):
    path = write_video(tmp_path / "clip.mp4", FRAMES)
    turn_in_header(path)
    frame = next(iter(Video(path)))
    assert frame.shape == (64, 48, 3)
    assert np.abs(frame.astype(int) - np.rot90(FRAMES[0], -1)).mean() < TOLERANCE


@pytest.mark.parametrize("ending, codec", [("avi", "MJPG"), ("mkv", "mp4v"), ("webm", "VP80")])
def test_a_video_that_was_cut_off_gives_what_is_there_and_says_so(
    write_video, tmp_path, ending, codec
):
    path = pathlib.Path(write_video(tmp_path / f"clip.{ending}", FRAMES, 10, codec))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = Video(str(path))
    count = sum(1 for _ in video)
    assert 5 < count < 25 and video.problem == f"it ends after {count} of 30 frames"


def test_frames_that_never_were_are_not_missed(write_video, tmp_path):
    """Sound may go on for a moment: half a second of 30 is no loss."""
    path = pathlib.Path(write_video(tmp_path / "clip.mkv", FRAMES * 10, 10))
    data, duration = path.read_bytes(), struct.pack(">d", 30000.0)
    assert data.count(duration) == 1
    for seconds, problem in ((30.5, ""), (40.0, "it ends after 300 of 400 frames")):
        path.write_bytes(data.replace(duration, struct.pack(">d", seconds * 1000)))
        video = Video(str(path))
        assert sum(1 for _ in video) == 300 and video.problem == problem


@pytest.mark.parametrize(
    "content, times", [(b"", 1), (b"garbage", 1), (b"line of text\n", 999), (b"\0", 99999)]
)
def test_what_is_no_video_is_refused(tmp_path, content, times):
    (tmp_path / "clip.mp4").write_bytes(content * times)
    with pytest.raises(UnreadableVideo, match="not a video"):
        Video(str(tmp_path / "clip.mp4"))
    with pytest.raises(UnreadableVideo, match="the file does not exist"):
        Video(str(tmp_path / "other.mp4"))


@pytest.mark.parametrize("width, height", [(8, 64), (8300, 8200)])
def test_frames_too_small_for_a_face_or_too_large_for_the_memory_are_refused(
    tmp_path, width, height
):
    encoded = cv2.imencode(".jpg", np.zeros((height, width), np.uint8))[1]
    (tmp_path / "clip.mp4").write_bytes(
        encoded.tobytes()
    )  # a video of one frame, as FFmpeg sees it
    with pytest.raises(UnreadableVideo, match=f"^{width}x{height} pixels; expected 16x16 to"):
        Video(str(tmp_path / "clip.mp4"))


def test_a_video_without_a_whole_frame_says_so(write_video, tmp_path):
    path = pathlib.Path(write_video(tmp_path / "clip.mkv", FRAMES))
    path.write_bytes(path.read_bytes()[:600])
    video = Video(str(path))
    assert sum(1 for _ in video) == 0 and video.problem == "it holds no frame that OpenCV decodes"
