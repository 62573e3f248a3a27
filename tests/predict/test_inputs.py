import os

import pytest

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.predict.inputs import find_inputs


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kinds(patterns):
    return {
        path: (entry.drawn, "live" if entry.is_live else "video" if entry.is_video else "photo")
        for path, entry in find_inputs(patterns).items()
    }


def test_a_folder_stands_for_its_photos_and_videos_and_nothing_else(inside):
    (inside / "a/sub").mkdir(parents=True)
    for name in ("z.JPG", "b.MOV", "sub/clip.mp4", "notes.txt", "clip", ".DS_Store"):
        (inside / "a" / name).touch()
    (inside / "clip.mp4").touch()
    assert kinds(["a", "clip.mp4", "a/*.JPG"]) == {
        "a/b.MOV": ("b.MOV.mp4", "video"),
        "a/sub/clip.mp4": ("sub/clip.mp4", "video"),
        "a/z.JPG": ("z.JPG.jpg", "photo"),
        "clip.mp4": ("clip.mp4", "video"),
    }


def test_a_link_that_leads_nowhere_is_an_input_whose_record_will_say_so(inside):
    (inside / "a").mkdir()
    for name in ("clip.mp4", "x.jpg"):
        (inside / "a" / name).symlink_to("gone")
    expected = {"a/clip.mp4": ("clip.mp4", "video"), "a/x.jpg": ("x.jpg.jpg", "photo")}
    assert kinds(["a"]) == kinds(["a/clip.mp4", "a/x.jpg"]) == expected


def test_no_drawn_copy_takes_the_place_of_another(inside):
    for folder in "ab":
        (inside / folder).mkdir()
        (inside / folder / "clip.mp4").touch()
    (inside / "a/clip").write_bytes(b"\0\0\0\x1cftypisom")
    assert sorted(drawn for drawn, _ in kinds(["a/clip", "a/clip.mp4", "b"]).values()) == [
        "__clip.mp4",
        "_clip.mp4",
        "clip.mp4",
    ]


@pytest.mark.parametrize(
    "start, kind",
    [
        (b"\0\0\0\x1cftypisom", "video"),
        (b"\0\0\0\x14ftypqt  ", "video"),
        (b"\x1a\x45\xdf\xa3\x01", "video"),
        (b"RIFF\x0a\xff\0\0AVI LIST", "video"),
        (b"RIFF\x0a\xff\0\0WEBPVP8", "photo"),
        (b"\0\0\0\x1cftypheic", "photo"),
        (b"\xff\xd8\xff", "photo"),
        (b"", "photo"),
    ],
)
def test_without_a_known_ending_the_first_bytes_tell(inside, start, kind):
    (inside / "0").write_bytes(start)
    (inside / "x.jpg").write_bytes(start)
    assert {path: kind for path, (_, kind) in kinds(["./0", "x.jpg"]).items()} == {
        "./0": kind,
        "x.jpg": "photo",
    }


def test_a_number_is_a_camera_unless_something_is_called_so(inside):
    assert (
        kinds(["0"]) == {"0": ("camera-0.mp4", "live")} and find_inputs(["12"])["12"].source == 12
    )
    assert kinds(["/dev/video7"]) == {"/dev/video7": ("camera-7.mp4", "live")}
    assert find_inputs(["/dev/video7"])["/dev/video7"].source == 7
    (inside / "0").write_bytes(b"\xff\xd8\xff")
    assert kinds(["0"]) == {"0": ("0.jpg", "photo")} and find_inputs(["0"])["0"].source == "0"
    for other in (
        "200",
        "-1",
        "\u0663",
        "./1",
        "1.5",
    ):  # OpenCV would take 200 for a driver's number
        with pytest.raises(InputError, match="found nothing"):
            find_inputs([other])


def test_what_has_no_end_stands_alone(inside):
    os.mkfifo(inside / "clip.mkv")
    (inside / "a.jpg").touch()
    assert kinds(["clip.mkv"]) == {"clip.mkv": ("clip.mkv.mp4", "live")}
    for live in ("0", "clip.mkv"):
        with pytest.raises(SettingError, match=f"{live}: expected a camera or pipe alone"):
            find_inputs(["a.jpg", live])


def test_a_photo_may_come_through_a_pipe_without_being_read_here(inside):
    os.mkfifo(inside / "pipe")
    assert kinds(["pipe"]) == {"pipe": ("pipe.jpg", "photo")}


def test_pipes_and_folders_in_a_folder_are_not_waited_for(inside):
    (inside / "a/x.jpg").mkdir(parents=True)
    os.mkfifo(inside / "a/y.jpg")
    os.mkfifo(inside / "a/clip.mp4")
    (inside / "a/zero.jpg").symlink_to("/dev/zero")
    (inside / "a/z.jpg").touch()
    assert kinds(["a"]) == {"a/z.jpg": ("z.jpg.jpg", "photo")}


def test_links_to_a_folder_above_are_not_walked(inside):
    (inside / "a/b").mkdir(parents=True)
    (inside / "a/b/x.jpg").touch()
    for name in ("up", "again"):
        (inside / "a/b" / name).symlink_to("..")
    for pattern in ("a", "a/**/*.jpg", "a/b/../**/*.jpg"):
        assert list(find_inputs([pattern])) == ["a/b/x.jpg"]
    assert list(find_inputs([f"{inside}/a/**/*.jpg"])) == [f"{inside}/a/b/x.jpg"]
    assert "a/b/x.jpg" in find_inputs(["a/**"])


def test_a_drawn_copy_of_the_longest_name_can_be_written(inside):
    (inside / "a").mkdir()
    names = ["x" * 251 + ".jpg", "x" * 250 + "y.jpg", "\u6f22" * 83 + ".png", "x" * 251 + ".mp4"]
    for name in names:
        (inside / "a" / name).touch()
    drawn = {entry.drawn for entry in find_inputs(["a"]).values()}
    assert len(drawn) == 4 and max(len(name.encode()) for name in drawn) <= 255 - len(".tmp.mp4")
    assert sorted(os.path.splitext(name)[1] for name in drawn) == [".jpg", ".jpg", ".jpg", ".mp4"]
