import os
import time

import pytest

from age_gender_estimation.errors import InputError
from age_gender_estimation.service.uploads import read_upload, upload_folder


def test_only_files_in_the_folders_are_read(tmp_path):
    inside, outside = tmp_path / "in", tmp_path / "in_not"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "x.jpg").write_bytes(folder.name.encode())
    (inside / "link.jpg").symlink_to(outside / "x.jpg")
    folders = [str(tmp_path / "other"), str(inside)]
    assert read_upload({"path": str(inside / "x.jpg")}, folders) == (b"in", "x.jpg")
    assert read_upload({"path": str(inside / "x.jpg"), "orig_name": "mine.jpg"}, folders) == (
        b"in",
        "mine.jpg",
    )
    for path in (
        outside / "x.jpg",
        inside / "link.jpg",
        inside / ".." / "in_not" / "x.jpg",
        inside,
        "",
        None,
    ):
        with pytest.raises(InputError, match="expected an uploaded file"):
            read_upload({"path": path and str(path)}, folders)
    for upload in (None, {"url": "data:image/png;base64,AAAA"}):
        with pytest.raises(InputError, match="expected an uploaded file"):
            read_upload(upload, folders)
    with pytest.raises(InputError, match="waited too long"):
        read_upload({"path": str(inside / "swept.jpg")}, folders)


def test_old_uploads_go_new_ones_stay_and_the_folder_ends_with_the_server(monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/before")
    with upload_folder(keep_seconds=1) as folder:
        assert os.environ["GRADIO_TEMP_DIR"] == folder and os.stat(folder).st_mode & 0o077 == 0
        os.mkdir(os.path.join(folder, "hash"))
        old, new = os.path.join(folder, "hash", "old.jpg"), os.path.join(folder, "new.jpg")
        open(old, "w").close()
        deadline = time.monotonic() + 20
        while os.path.exists(os.path.dirname(old)) and time.monotonic() < deadline:
            open(new, "w").close()  # sent again and again
            time.sleep(0.05)
        assert os.listdir(folder) == ["new.jpg"]
    assert not os.path.exists(folder) and os.environ["GRADIO_TEMP_DIR"] == "/before"
