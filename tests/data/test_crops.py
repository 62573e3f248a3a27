"""Which face of an image becomes its crop, and what is dropped."""

import hashlib
import json

import cv2
import numpy as np
import pytest
import skimage.data

from age_gender_estimation.data import crops as crops_module
from age_gender_estimation.data.crops import CENTRAL, ONLY, CropSettings, make_crops
from age_gender_estimation.faces.crop import GEOMETRIES, AlignedGeometry, crop_face, resize_square
from age_gender_estimation.faces.face import Face
from age_gender_estimation.faces.photo import decode_photo, encode_jpeg

TEMPLATE = np.array(GEOMETRIES["utkface"].template)


def face_at(x, y, side):
    """A face whose crop is the square there."""
    return Face((x, y, side, side), TEMPLATE * side + (x, y), 1.0)


@pytest.fixture
def photo(tmp_path):
    image = cv2.resize(np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8), (120, 100))
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(image))
    (tmp_path / "tmp").mkdir()
    return decode_photo((tmp_path / "a.jpg").read_bytes())


@pytest.fixture
def crop_of(tmp_path, photo, monkeypatch):
    """(faces found, CropSettings fields) -> (drop reason, the crop's bytes or None)."""
    path = tmp_path / "out/a.jpg"

    def make(found, is_kept=False, **fields):
        if not is_kept:
            path.unlink(missing_ok=True)
        monkeypatch.setattr(crops_module, "find_faces", lambda image: found)
        settings = {"img_size": 24, "geometry": "utkface", "face": CENTRAL, **fields}
        folders = (str(tmp_path), str(tmp_path / "out"), str(tmp_path / "tmp"))
        [(_, reason)] = make_crops(CropSettings(*folders, **settings), ["a.jpg"])
        return reason, path.read_bytes() if path.exists() else None

    return make


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_crop_is_cut_as_predict_cuts_it(crop_of, photo, geometry):
    reason, data = crop_of([face_at(20, 30, 48)], geometry=geometry)
    expected = resize_square(crop_face(photo, face_at(20, 30, 48), GEOMETRIES[geometry]), 24)
    assert reason == "" and np.abs(decode_photo(data).astype(int) - expected).mean() < 5


def test_of_several_faces_the_central_one_is_cut_or_the_image_dropped(crop_of):
    faces = [face_at(0, 0, 45), face_at(35, 25, 40)]
    assert crop_of(faces, face=ONLY) == ("several_faces", None)
    assert crop_of(faces) == crop_of(faces[1:], face=CENTRAL) != crop_of(faces[:1])


@pytest.mark.parametrize("found", [[], [Face((10, 10, 20, 20), np.full((5, 2), 3.0), 1.0)]])
@pytest.mark.parametrize("face", [CENTRAL, ONLY])
def test_nothing_found_or_landmarks_without_size_are_no_face(crop_of, found, face):
    assert crop_of(found, face=face) == ("no_face", None)


def test_a_box_without_size_is_no_face(crop_of):
    assert crop_of([Face((10, 10, 0, 0), TEMPLATE, 1.0)], geometry="imdb_wiki") == ("no_face", None)


def test_a_crop_is_made_again_where_the_face_or_the_template_changes(crop_of, monkeypatch):
    faces = [face_at(20, 30, 48)]
    whole, aligned, only = (
        crop_of(faces, is_kept=True, face=face)[1] for face in ("whole", CENTRAL, ONLY)
    )
    moved = AlignedGeometry("utkface", tuple(map(tuple, TEMPLATE + 0.1)))
    monkeypatch.setitem(crops_module.GEOMETRIES, "utkface", moved)
    assert len({whole, aligned, only, crop_of(faces, is_kept=True)[1]}) == 4


def test_a_crop_that_is_there_is_kept_without_searching(crop_of):
    crop = crop_of([face_at(20, 30, 48)])
    assert crop_of([], is_kept=True) == crop


def test_own_photos_end_to_end_with_any_number_of_workers(script, tmp_path):
    photos, astronaut = tmp_path / "photos", skimage.data.astronaut()[..., ::-1]
    photos.mkdir()
    for number in range(5):
        cv2.imwrite(
            str(photos / f"one{number}.png"), np.roll(astronaut[:300, 60:400], 10 * number, axis=1)
        )
    cv2.imwrite(str(photos / "two.png"), np.hstack([astronaut[:300], astronaut[:300]]))
    cv2.imwrite(str(photos / "none.png"), np.full((64, 64, 3), 90, np.uint8))
    rows = [
        "filename,age,gender,split",
        *(f"one{n}.png,{30 + n},F,{'train' if n % 2 else 'val'}" for n in range(5)),
    ]
    (tmp_path / "photos.csv").write_text(
        "\n".join([*rows, "two.png,30,F,train", "none.png,30,F,val"]) + "\n"
    )
    digests = []
    for workers in (1, 2):
        out = tmp_path / f"out{workers}"
        arguments = (
            "--csv",
            tmp_path / "photos.csv",
            "--photo-dir",
            photos,
            "--output-dir",
            out,
            "--img-size",
            96,
        )
        done = script("preprocess_csv.py", *arguments, "--workers", workers, "--detect", "--align")
        files = sorted(path for path in out.rglob("*") if path.is_file())
        digests.append(
            [
                (str(path.relative_to(out)), hashlib.md5(path.read_bytes()).hexdigest())
                for path in files
            ]
        )
    assert done.stdout == (
        "kept 5: 2 in train.csv, 3 in val.csv\n"
        f"dropped 1: no_face, such as {photos}/none.png\n"
        f"dropped 1: several_faces, such as {photos}/two.png\n"
    )
    assert digests[0] == digests[1]
    recorded = json.loads((out / "preprocess.json").read_text())["settings"]
    assert recorded["geometry"] == GEOMETRIES["utkface"].to_dict() and recorded["face"] == ONLY
    crops = [
        decode_photo((out / f"crop/one{number}.png.jpg").read_bytes()).astype(int)
        for number in range(5)
    ]
    assert all(
        np.abs(crop - crops[0]).mean() < 8 for crop in crops
    )  # wherever the face was, here it is the same


def test_align_refuses_another_geometry(script, tmp_path):
    arguments = (
        "--csv",
        "x.csv",
        "--photo-dir",
        ".",
        "--output-dir",
        "out",
        "--align",
        "--geometry",
        "imdb_wiki",
    )
    done = script("preprocess_csv.py", *arguments, cwd=tmp_path, check=False)
    assert done.returncode == 2 and "--align gives the geometry utkface" in done.stderr
