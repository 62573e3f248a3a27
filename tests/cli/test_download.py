"""bin/download-imdb-crop.sh against servers on loopback that break off and answer wrongly."""

import contextlib
import http.server
import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
import threading
import time

import numpy as np
import pytest

from tests.conftest import ROOT

SCRIPT = str(ROOT / "bin/download-imdb-crop.sh")
NAMES = ["imdb.mat", *(f"{number:02}/nm{number}.jpg" for number in range(40))]
pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="the script needs curl")


@pytest.fixture(scope="module")
def files():
    """What the archive holds: {name: bytes}, 20 kB each and different."""
    random = np.random.default_rng(0)
    return {f"imdb_crop/{name}": random.bytes(20_000) for name in NAMES}


def as_tar(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at /imdb_crop.tar.

    The first `breaks` transfers end after half of what is left; without `ranges` each begins at 0.
    `starts` lists the first byte of each transfer; `wait` seconds pass between 64 KiB.
    """

    def __init__(self, content, breaks=0, ranges=True, wait=0.0):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.ranges, self.wait = content, breaks, ranges, wait
        self.starts = []

    def handle_error(self, *_):  # a client that went away is part of the tests
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, size = self.server, len(self.server.content)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.path != "/imdb_crop.tar":
            self.send_error(404)
            return
        start = int(asked[1]) if asked and server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        server.starts.append(start)
        end = size
        if server.breaks:
            server.breaks, end = server.breaks - 1, (start + end) // 2
        for position in range(start, end, 1 << 16):
            self.wfile.write(server.content[position : min(position + (1 << 16), end)])
            time.sleep(server.wait)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(*args, **options):
    with Server(*args, **options) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def download(server, folder, path="imdb_crop.tar", **options):
    """Runs the script in `folder`; options are those of subprocess.run."""
    url = f"http://127.0.0.1:{server.server_port}/{path}"
    environment = {**os.environ, "IMDB_WIKI_URL": url, "no_proxy": "*"}
    return subprocess.run(
        [SCRIPT],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        **options,
    )


def unpacked(folder):
    """What lies in data/: {name: bytes}."""
    root = folder / "data"
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_a_broken_transfer_resumes_and_a_second_run_does_nothing(files, tmp_path):
    with serving(as_tar(files), breaks=2) as server:
        done = download(server, tmp_path)
        assert (done.returncode, done.stdout) == (0, "unpacked: data/imdb_crop\n")
        half, size = len(server.content) // 2, len(server.content)
        assert server.starts == [0, half, (half + size) // 2] and unpacked(tmp_path) == files
        again = download(server, tmp_path)
        assert (again.returncode, again.stdout) == (0, "data/imdb_crop exists\n")
        assert len(server.starts) == 3 and unpacked(tmp_path) == files


def test_a_server_that_cannot_resume_is_asked_for_the_whole_archive(files, tmp_path):
    with serving(as_tar(files), breaks=1, ranges=False) as server:
        assert download(server, tmp_path).returncode == 0
    assert server.starts[-1] == 0 and unpacked(tmp_path) == files


def test_a_killed_download_resumes_where_it_was(files, tmp_path):
    part = tmp_path / "data/imdb_crop.tar.part"
    with serving(as_tar(files), wait=0.3) as server:
        url = f"http://127.0.0.1:{server.server_port}/imdb_crop.tar"
        environment = {**os.environ, "IMDB_WIKI_URL": url, "no_proxy": "*"}
        process = subprocess.Popen([SCRIPT], cwd=tmp_path, env=environment, start_new_session=True)
        deadline = time.monotonic() + 60
        while not (part.exists() and part.stat().st_size > 100_000):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)  # curl too, as when a machine goes down
        process.wait(timeout=30)
        assert not (tmp_path / "data/imdb_crop").exists()
        server.wait, num_bytes = 0, part.stat().st_size
        assert download(server, tmp_path).returncode == 0
    assert server.starts == [0, num_bytes] and unpacked(tmp_path) == files


def broken_archives():
    whole = {"imdb_crop/imdb.mat": b"x", "imdb_crop/a.jpg": b"a" * 30_000}
    return {
        "page": b"<!DOCTYPE html>" + b" " * 30_000,
        "cut off": as_tar(whole)[:16_384],
        "cut off between files": as_tar(whole)[:1024],
        "another dataset": as_tar({"wiki_crop/wiki.mat": b"x"}),
        "without labels": as_tar({"imdb_crop/a.jpg": b"x"}),
    }


@pytest.mark.parametrize("name", broken_archives())
def test_what_is_no_complete_archive_is_refused_and_removed(tmp_path, name):
    with serving(broken_archives()[name]) as server:
        done = download(server, tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "expected a tar archive with imdb_crop/imdb.mat, received something else" in done.stderr
    assert unpacked(tmp_path) == {}


def test_a_member_outside_its_folder_is_not_written(tmp_path):
    content = as_tar({"imdb_crop/imdb.mat": b"x", "imdb_crop/../../../outside": b"x"})
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with serving(content) as server:
        assert download(server, folder).returncode == 1
    assert not list(tmp_path.rglob("outside")) and not (folder / "data/imdb_crop").exists()


def test_refusals_name_the_problem(files, tmp_path):
    with serving(as_tar(files)) as server:
        done = download(server, tmp_path, "nowhere.tar")
        assert done.returncode == 1 and "404" in done.stderr and server.starts == []
    done = download(server, tmp_path)
    assert done.returncode == 1 and "the download stopped (curl's exit code 7" in done.stderr
    (tmp_path / "data/imdb_crop").mkdir()
    (tmp_path / "data/imdb_crop/mine.txt").write_text("x")
    done = download(server, tmp_path)
    assert done.returncode == 1 and "expected imdb.mat in it, or no such folder" in done.stderr
    assert subprocess.run([SCRIPT, "imbd"], cwd=tmp_path, capture_output=True).returncode == 2


def test_make_download_and_make_preprocess_mean_the_same_folder():
    def commands(*arguments):
        return subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    assert "bin/download-imdb-crop.sh wiki data/wiki_crop\n" in commands("download", "DATASET=wiki")
    assert "--db-path data/wiki_crop/wiki.mat --photo-dir data/wiki_crop " in commands(
        "preprocess", "DATASET=wiki"
    )
