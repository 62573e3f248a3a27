"""What the workers of a cluster must see before they predict photos."""

import contextlib

from age_gender_estimation.predict import batches


def test_workers_must_share_the_export_the_first_photo_and_the_folder_of_drawn_copies(
    tmp_path, monkeypatch
):
    shared = []

    class Pool:
        require_shared = staticmethod(shared.extend)

    monkeypatch.setattr(batches, "open_pool", lambda *_: contextlib.nullcontext(Pool()))
    export, photo, drawn = tmp_path / "export", tmp_path / "a.jpg", tmp_path / "new/drawn"
    for path in (export, photo):
        path.touch()
    photos = [str(photo), str(tmp_path / "missing.jpg")]
    with batches.open_workers(
        str(export), photos, scheduler="tcp://127.0.0.1:1", draw_dir=str(drawn)
    ):
        assert shared == [str(export), str(photo), str(drawn)] and drawn.is_dir()
