"""YuNet's file from a server on this machine; the network itself where its file is at hand."""

import hashlib
import http.server
import os
import pathlib
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces import detector, yunet
from age_gender_estimation.faces.align import similarity_transform
from age_gender_estimation.faces.crop import GEOMETRIES, crop_face, resize_square
from age_gender_estimation.faces.detector import FaceSearch, find_faces
from age_gender_estimation.faces.face import turn_image
from age_gender_estimation.faces.yunet import PATH_VARIABLE, YuNet, cache_dir, fetch_file
from tests.conftest import ROOT

AT_HAND = pathlib.Path(os.environ.get(PATH_VARIABLE) or ROOT.parent / "shared/data" / yunet.FILE)
needs_file = pytest.mark.skipif(not AT_HAND.is_file(), reason=f"no {yunet.FILE} is at hand")
CONTENT = bytes(range(256)) * 40
EXPECTED = "face.onnx", len(CONTENT), hashlib.sha256(CONTENT).hexdigest()
ANSWERS = {
    "whole": CONTENT,
    "page": b"<!DOCTYPE html><title>Not Found</title>",
    "long_page": b"<html>" + bytes(20_000),
    "half": CONTENT[: len(CONTENT) // 2],
    "other": CONTENT[::-1],
    "longer": CONTENT + b"x",
}


@pytest.fixture(scope="module")
def server():
    """The address of a server: /KIND/face.onnx gives one of ANSWERS, /cut/ breaks off."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind = self.path.split("/")[1]
            self.server.asked.append(kind)
            if kind == "missing":
                return self.send_error(404)
            data = ANSWERS["whole" if kind == "cut" else kind]
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: 100 if kind == "cut" else None])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.url = f"http://127.0.0.1:{server.server_port}/"
        yield server
        server.shutdown()


def fetch(server, kind, folder):
    return fetch_file(str(folder), f"{server.url}{kind}/", *EXPECTED)


def test_it_is_downloaded_once_and_a_damaged_copy_again(server, tmp_path):
    folder = tmp_path / "new/cache"
    server.asked.clear()
    assert fetch(server, "whole", folder) == fetch(server, "whole", folder) == CONTENT
    assert [path.name for path in folder.iterdir()] == ["face.onnx"]
    assert (folder / "face.onnx").read_bytes() == CONTENT and server.asked == ["whole"]
    (folder / "face.onnx").write_bytes(CONTENT[:-1])
    assert fetch(server, "whole", folder) == CONTENT and server.asked == ["whole", "whole"]


@pytest.mark.parametrize(
    "kind, reason",
    [
        ("page", "got a web page, of 39 bytes"),
        ("long_page", "got a web page, of 10241 bytes or more"),
        ("half", "got another file, or a part of it, of 5120 bytes"),
        ("other", "got another file, or a part of it, of 10240 bytes"),
        ("longer", "of 10241 bytes or more"),
        ("cut", "of 100 bytes"),
        ("missing", "cannot be downloaded"),
    ],
)
def test_what_is_not_the_file_is_refused_in_one_line_and_not_kept(server, tmp_path, kind, reason):
    with pytest.raises(InputError) as error:
        fetch(server, kind, tmp_path)
    message = str(error.value)
    assert reason in message and "\n" not in message
    assert f"{tmp_path}: put face.onnx (10240 bytes) there by hand" in message
    assert PATH_VARIABLE in message and list(tmp_path.iterdir()) == []


def test_offline_it_says_where_the_file_is_to_be_had_and_put(tmp_path):
    with pytest.raises(InputError) as error:
        fetch_file(str(tmp_path), "http://127.0.0.1:9/models/", *EXPECTED)
    assert "http://127.0.0.1:9/models/face.onnx cannot be downloaded" in str(error.value)
    assert f"{tmp_path}: put face.onnx" in str(error.value)


def test_a_cache_that_cannot_be_written_says_so_before_the_download(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    server.asked.clear()
    with pytest.raises(InputError, match="cannot be written here .*; set XDG_CACHE_HOME"):
        fetch(server, "whole", tmp_path / "file")
    assert server.asked == []


def test_several_at_once_get_the_whole_file(server, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda _: fetch(server, "whole", tmp_path), range(8)))
    assert contents == [CONTENT] * 8
    assert [path.name for path in tmp_path.iterdir()] == ["face.onnx"]


def test_the_cache_is_the_users_and_no_home_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir() == f"{tmp_path}/.cache/age-gender-estimation"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_dir() == f"{tmp_path}/Library/Caches/age-gender-estimation"
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path}/x")
    assert cache_dir() == f"{tmp_path}/x/age-gender-estimation"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as without HOME and an entry
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/scratch")
    assert cache_dir() == "/scratch/age-gender-estimation"


@pytest.mark.parametrize("content", [None, b"<html>", b"\x08\x07" * 1000])
def test_a_given_file_that_is_none_is_refused_in_one_line(tmp_path, monkeypatch, content):
    path = tmp_path / "yunet.onnx"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv(PATH_VARIABLE, str(path))
    with pytest.raises(InputError, match="^[^\n]*YuNet[^\n]*$") as error:
        yunet.load_yunet()
    assert PATH_VARIABLE in str(error.value)


@pytest.fixture
def given(monkeypatch):
    monkeypatch.setenv(PATH_VARIABLE, str(AT_HAND))
    detector.load_network.cache_clear()
    yield
    detector.load_network.cache_clear()


@needs_file
def test_the_published_file_has_the_size_and_digest_that_are_expected():
    data = AT_HAND.read_bytes()
    assert (len(data), hashlib.sha256(data).hexdigest()) == (yunet.SIZE, yunet.SHA256)


@needs_file
def test_yunet_and_mtcnn_put_the_crops_at_nearly_the_same_place(given):
    image, search = skimage.data.astronaut(), FaceSearch("yunet")
    (expected,), (face,) = find_faces(image), find_faces(image, search)
    assert face.detector == "yunet" and face.confidence > 0.9 and face.rotation == 0
    geometry = GEOMETRIES["utkface"]
    corners = np.array([(190, 85), (255, 85), (190, 155), (255, 155)])  # around eyes and mouth
    places = []
    for found in (expected, face):
        to_crop = similarity_transform(found.landmarks, geometry.template_of(found.detector))
        places.append(corners @ to_crop[:, :2].T + to_crop[:, 2])
    np.testing.assert_allclose(places[0], places[1], atol=0.07)  # of the crop's side
    wide = [crop_face(image, found, GEOMETRIES["imdb_wiki"]) for found in (expected, face)]
    first, second = (resize_square(crop, 112).astype(int) for crop in wide)
    assert np.abs(first - second).mean() < 15


@needs_file
@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_photo_gives_nearly_the_same_crop(given, degrees):
    image, search = skimage.data.astronaut(), FaceSearch("yunet")
    turned = np.ascontiguousarray(turn_image(image, degrees))
    (expected,), (face,) = find_faces(image, search), find_faces(turned, search)
    assert face.rotation == degrees
    for geometry in GEOMETRIES.values():
        crops = [crop_face(image, expected, geometry), crop_face(turned, face, geometry)]
        first, second = (resize_square(crop, 112).astype(int) for crop in crops)
        assert np.abs(first - second).mean() < 1


@needs_file
def test_threads_share_it_for_images_of_any_size(given):
    network = YuNet(AT_HAND.read_bytes())
    astronaut = skimage.data.astronaut()
    images = [astronaut[: 200 + 20 * number, 100 : 400 + 7 * number] for number in range(8)]
    images = [np.ascontiguousarray(image) for image in images]
    alone = [network.detect(image) for image in images]
    assert all(len(found[0]) == 1 for found in alone)
    with ThreadPoolExecutor(4) as pool:
        for first, second in zip(alone, pool.map(network.detect, images)):
            for one, other in zip(first, second):
                np.testing.assert_array_equal(one, other)
