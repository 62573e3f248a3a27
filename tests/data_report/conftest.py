"""A folder with two small manifests, whose counts the tests work out by hand."""

import cv2
import numpy as np
import pytest

from age_gender_estimation.data.manifest import manifest_text, open_manifest

ODD_NAME = '<b>&".jpg'  # the same bytes as c.png
TRAIN = [
    ("a.png", 0, 0, 0),
    ("b.png", 26, 0, 0),
    ("c.png", 27, 1, 0),
    ("d.png", 80, 1, 2),
    ("e.png", 81, 1, 2),
    ("f.png", None, 0, None),
    ("g.png", 11, None, 3),
    ("b.png", 26, 0, 0),  # listed a second time
    ("broken.jpg", 12, 0, 1),  # no whole picture
]
VAL = [("v.png", 52, 1), (ODD_NAME, 53, 1), ("w.png", 116, 0)]


@pytest.fixture(scope="session")
def listed(tmp_path_factory):
    """The folder: crop/, train.csv (age, gender, race) and val.csv (age, gender)."""
    folder = tmp_path_factory.mktemp("listed")
    (folder / "crop").mkdir()
    noise = np.random.default_rng(0)
    for name in "abcdefgvw":
        cv2.imwrite(
            str(folder / "crop" / f"{name}.png"), noise.integers(0, 255, (16, 16, 3), np.uint8)
        )
    (folder / "crop" / ODD_NAME).write_bytes((folder / "crop/c.png").read_bytes())
    (folder / "crop/broken.jpg").write_bytes(
        cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes()[:-9]
    )
    for file_name, rows, tasks in (
        ("train.csv", TRAIN, ("age", "gender", "race")),
        ("val.csv", VAL, ("age", "gender")),
    ):
        text = manifest_text([(name, dict(zip(tasks, values))) for name, *values in rows], tasks)
        (folder / file_name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def manifests(listed):
    return [
        open_manifest(str(listed / name), str(listed / "crop")) for name in ("train.csv", "val.csv")
    ]
