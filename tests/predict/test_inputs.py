import os

import pytest

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.predict.inputs import check_draw_dir, find_inputs


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kinds(patterns):
    return {
        entry.path: (
            entry.drawn,
            "live" if entry.is_live else "video" if entry.is_video else "photo",
        )
        for entry in find_inputs(patterns)
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


def test_what_a_folder_leaves_out_is_counted_by_ending(inside, caplog):
    (inside / "a/sub").mkdir(parents=True)
    photos = ("1.jfif", "2.JPE", "3.heic", "4.HEIF", "5.avif")
    for name in (*photos, "a.gif", "sub/b.GIF", "c.txt", ".DS_Store"):
        (inside / "a" / name).touch()
    caplog.set_level("INFO")
    assert [path[2:] for path in kinds(["a"])] == list(photos)
    reason = "left out what is no photo or video by its ending: "
    assert caplog.messages == [f"a: {reason}2 .gif, 1 .txt, 1 without an ending"]
    caplog.clear()
    kinds(["a/1.jfif", "a/*.heic"])
    assert caplog.messages == []


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
    assert sorted(drawn for drawn, _ in kinds(["a/clip.mp4", "b"]).values()) == [
        "_clip.mp4",
        "clip.mp4",
    ]


def test_a_number_is_a_camera_unless_something_is_called_so(inside):
    for text, number in (("0", 0), ("12", 12), ("/dev/video7", 7)):
        (entry,) = find_inputs([text])
        assert (entry.drawn, entry.is_live, entry.camera) == (f"camera-{number}.mp4", True, number)
    (inside / "0").write_bytes(b"\xff\xd8\xff")
    assert kinds(["0"]) == {"0": ("0.jpg", "photo")} and find_inputs(["0"])[0].camera is None
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


def test_globs_find_files_in_subfolders_and_folders_skip_links_to_folders(inside):
    (inside / "a/b").mkdir(parents=True)
    (inside / "a/b/x.jpg").touch()
    assert list(kinds(["a/**/*.jpg"])) == ["a/b/x.jpg"]
    (inside / "a/b/up").symlink_to("..")
    assert list(kinds(["a"])) == ["a/b/x.jpg"]


def test_copies_do_not_replace_the_originals(inside):
    (inside / "a").mkdir()
    (inside / "a/x.jpg").touch()
    inputs = find_inputs(["a"])
    check_draw_dir("b", inputs)
    for folder in (".", "a"):
        with pytest.raises(SettingError, match="expected a folder without the photos"):
            check_draw_dir(folder, inputs)
