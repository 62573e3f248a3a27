"""The real server, asked over HTTP and by a browser; the last test ends it."""

import contextlib
import ipaddress
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from age_gender_estimation.service.cards import MAX_CARDS
from age_gender_estimation.service.server import MAX_BYTES
from tests.conftest import ROOT

PHOTO = ROOT / "examples" / "astronaut.jpg"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
# Runs in the server before anything else: writes down whom Python connects to or looks up.
AUDIT = """
import os, sys
def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        target = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        with open(os.environ["CONNECTIONS"], "a") as file:
            print(target[0] if isinstance(target, tuple) else target, file=file)
sys.addaudithook(note)
open(os.environ["CONNECTIONS"], "w").close()
"""


@pytest.fixture(scope="module")
def server(trained, tmp_path_factory):
    """bin/web.py on a free port: its process, url, and a folder with temporary files and logs."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "temporary").mkdir()
    (folder / "sitecustomize.py").write_text(AUDIT)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "CONNECTIONS": str(folder / "connections"),
        "TMPDIR": str(folder / "temporary"),
    }
    with open(folder / "errors", "w") as errors:
        process = subprocess.Popen(
            [sys.executable, ROOT / "bin/web.py", "--model-dir", trained[0], "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    line = process.stdout.readline()
    assert line.startswith("open http://127.0.0.1:"), (folder / "errors").read_text()
    yield types.SimpleNamespace(process=process, url=line.split()[1], folder=folder)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=f"{server.url}/gradio_api", timeout=120, trust_env=False) as client:
        yield client


def call(http, upload):
    """Asks /predict over HTTP; returns (event, its data)."""
    event = http.post("/call/predict", json={"data": [upload]}).json()["event_id"]
    lines = http.get(f"/call/predict/{event}").text.splitlines()
    return lines[-3].removeprefix("event: "), json.loads(lines[-2].removeprefix("data: "))


def send(http, path, name="photo.jpg"):
    (path,) = http.post("/upload", files={"files": (name, path.read_bytes())}).json()
    return call(http, {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}})


def test_the_endpoint_returns_what_predict_prints(server, http, trained, script):
    done = script(
        "predict.py", "--model-dir", trained[0], "--image-path", PHOTO, "--format", "json"
    )
    expected = [{**record, "file": "photo.jpg"} for record in json.loads(done.stdout)]
    assert send(http, PHOTO) == ("complete", [expected])


def test_several_at_once_get_their_predictions(http):
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda number: send(http, PHOTO, f"{number}.jpg"), range(6)))
    assert [records[0]["file"] for _, (records,) in results] == [
        f"{number}.jpg" for number in range(6)
    ]
    assert len({records[0]["age"] for _, (records,) in results}) == 1


def test_garbage_gets_one_line_and_the_next_photo_works(http, tmp_path):
    (tmp_path / "x.jpg").write_bytes(b"garbage")
    event, (records,) = send(http, tmp_path / "x.jpg")
    assert event == "complete" and [record["error"][:29] for record in records] == [
        "cannot be read: not an image "
    ]
    assert send(http, PHOTO)[1][0][0]["face"] == 0


def test_large_uploads_are_refused(http):
    answer = http.post("/upload", files={"files": ("x.jpg", b"x" * (MAX_BYTES + 2**16))})
    assert answer.status_code == 413
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n'
    headers = {"content-type": "multipart/form-data; boundary=x"}  # and no length
    chunks = itertools.chain([body], itertools.repeat(b"x" * 2**20, 2 * MAX_BYTES // 2**20))
    assert http.post("/upload", content=chunks, headers=headers).status_code == 413


def test_only_uploads_are_read_nothing_on_the_disk_and_nothing_elsewhere(http, server, tmp_path):
    shutil.copy(PHOTO, tmp_path / "private.jpg")
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as elsewhere:
        elsewhere.settimeout(0.5)
        port = elsewhere.getsockname()[1]
        for path in (
            str(tmp_path / "private.jpg"),
            f"http://127.0.0.1:{port}/x.jpg",
            f"http://huggingface.co:{port}/x",
        ):
            for meta in ({"meta": {"_type": "gradio.FileData"}}, {}):
                assert call(http, {"path": path, **meta})[0] == "error"
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert http.get(f"/file={tmp_path / 'private.jpg'}").status_code == 403
    refused = http.post(
        "/run/predict", json={"data": [{"path": str(PHOTO), "meta": {"_type": "gradio.FileData"}}]}
    )
    assert refused.status_code == 404  # it would jump the queue


def test_a_port_in_use_and_a_wrong_model_are_one_line(server, script, tmp_path):
    port = urlsplit(server.url).port
    for arguments, message in (
        (["--port", port], f"port {port} of 127.0.0.1 is in use"),
        (["--port", 0], "found neither"),
    ):
        done = script("web.py", "--model-dir", tmp_path, *arguments, check=False)
        assert (
            done.returncode == 1 and message in done.stderr and len(done.stderr.splitlines()) == 1
        )


@pytest.fixture(scope="module")
def browser(server, tmp_path_factory):
    if not (CHROMIUM and DRIVER):
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    for flag in (
        "headless",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "window-size=1280,1000",
        f"user-data-dir={tmp_path_factory.mktemp('browser')}",
    ):
        options.add_argument(f"--{flag}")
    with webdriver.Chrome(options, webdriver.ChromeService(DRIVER)) as driver:
        driver.get(server.url)
        yield driver


def until(browser, selector, text=""):
    """Waits for an element that contains the text; returns it."""

    def find(browser):
        return next(
            (
                found
                for found in browser.find_elements(By.CSS_SELECTOR, selector)
                if text in found.text
            ),
            None,
        )

    return WebDriverWait(browser, 60, ignored_exceptions=[WebDriverException]).until(
        find, f"{selector}: {text}"
    )


def choose(browser, path):
    until(browser, "#photo input[type=file]").send_keys(str(path))


def test_the_page_predicts_an_uploaded_photo(browser):
    choose(browser, PHOTO)
    card = until(browser, "#result article", "years")
    assert (
        "80% between" in card.text
        and "gender" in card.text
        and "One face." in until(browser, "#result", "One").text
    )
    photo, face = (until(browser, f"#result img.{name}") for name in ("photo", "face"))
    assert photo.get_property("naturalWidth") == 500 and face.get_property("naturalWidth") == 32
    assert len(card.find_elements(By.CSS_SELECTOR, "svg path")) == 4


def test_the_page_says_what_is_wrong_and_goes_on(browser, tmp_path):
    (tmp_path / "garbage.jpg").write_bytes(b"garbage")
    choose(browser, tmp_path / "garbage.jpg")
    assert until(browser, "#result .message").text.startswith(
        "This file cannot be read: not an image"
    )
    (tmp_path / "large.jpg").write_bytes(b"x" * (MAX_BYTES + 1))
    choose(browser, tmp_path / "large.jpg")
    until(browser, ".toast-body", "maximum allowed size of 20")
    # The examples are photos to click.
    until(browser, "button.gallery-item").click()
    until(browser, "#result article", "years")


def test_a_crowd_gets_the_cards_that_are_stated(browser, tmp_path):
    import cv2
    import numpy as np

    face = cv2.resize(
        cv2.imread(str(PHOTO))[20:240, 110:330], (96, 96), interpolation=cv2.INTER_AREA
    )
    cv2.imwrite(str(tmp_path / "crowd.png"), np.tile(face, (4, 5, 1)))
    choose(browser, tmp_path / "crowd.png")
    assert (
        f"20 faces; below are the {MAX_CARDS} largest"
        in until(browser, "#result .summary", "20 faces").text
    )
    assert len(browser.find_elements(By.CSS_SELECTOR, "#result article")) == MAX_CARDS


def test_the_other_tabs_show_the_card_and_the_endpoint(browser):
    for tab, text in (
        ("Model card", "This model has no card"),
        ("For programs", 'api_name="/predict"'),
    ):
        until(browser, "button[role=tab]", tab).click()
        until(browser, "[role=tabpanel]", text)


def test_the_browser_asked_nobody_else(browser, server, http):
    assert http.get(server.url).headers["content-security-policy"].startswith("default-src 'self' ")
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    asked += [
        message["params"]["url"]
        for message in messages
        if message["method"] == "Network.webSocketCreated"
    ]
    outside = [url for url in asked if urlsplit(url).scheme not in ("data", "blob", "chrome")]
    assert len(outside) > 10 and {urlsplit(url).netloc for url in outside} == {
        urlsplit(server.url).netloc
    }


def test_it_ends_with_its_exit_code_and_leaves_nothing(server, http):
    (path,) = http.post("/upload", files={"files": ("x.jpg", PHOTO.read_bytes())}).json()
    http.post(
        "/call/predict", json={"data": [{"path": path}]}
    )  # a prediction under way does not hold it up
    assert len(list((server.folder / "temporary").iterdir())) == 1
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list((server.folder / "temporary").iterdir()) == []
    connections = (server.folder / "connections").read_text().split()
    for host in connections:
        assert host == "localhost" or ipaddress.ip_address(host).is_loopback, connections
