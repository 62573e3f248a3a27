"""bin/download-imdb-crop.sh with a server on this machine."""

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
    """{name: 20 kB} of the archive."""
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
    """Serves `content`; `breaks` transfers end after half of the rest, each 64 KiB takes `wait` s.

    `starts` lists the first byte of each transfer.
    """

    content, breaks, wait = b"", 0, 0.0

    def handle_error(self, *_):  # tests interrupt clients
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start, end = int(asked[1]) if asked else 0, len(server.content)
        server.starts.append(start)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        if server.breaks:
            server.breaks, end = server.breaks - 1, (start + end) // 2
        for position in range(start, end, 1 << 16):
            self.wfile.write(server.content[position : min(position + (1 << 16), end)])
            time.sleep(server.wait)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.starts = []
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server
        server.shutdown()


def environment(server):
    url = f"http://127.0.0.1:{server.server_port}/imdb_crop.tar"
    return {**os.environ, "IMDB_WIKI_URL": url, "no_proxy": "*"}


def download(server, folder):
    options = {"capture_output": True, "text": True, "timeout": 240}
    return subprocess.run([SCRIPT], cwd=folder, env=environment(server), **options)


def contents(folder):
    paths = (path for path in (folder / "data").rglob("*") if path.is_file())
    return {str(path.relative_to(folder / "data")): path.read_bytes() for path in paths}


def test_an_interrupted_transfer_resumes_and_a_second_run_does_nothing(server, files, tmp_path):
    server.content, server.breaks = as_tar(files), 2
    done = download(server, tmp_path)
    assert (done.returncode, done.stdout) == (0, "unpacked: data/imdb_crop\n"), done.stderr
    half, size = len(server.content) // 2, len(server.content)
    assert server.starts == [0, half, (half + size) // 2] and contents(tmp_path) == files
    again = download(server, tmp_path)
    assert (again.returncode, again.stdout) == (0, "data/imdb_crop is there\n")
    assert len(server.starts) == 3 and contents(tmp_path) == files


def test_a_killed_run_resumes_and_a_whole_archive_is_not_downloaded_again(server, files, tmp_path):
    server.content, server.wait = as_tar(files), 0.05
    part = tmp_path / "data/imdb_crop.tar.part"
    process = subprocess.Popen(
        [SCRIPT], cwd=tmp_path, env=environment(server), start_new_session=True
    )
    while not part.exists() or part.stat().st_size < 100_000:
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    num_bytes = part.stat().st_size
    assert list(contents(tmp_path)) == [part.name]
    (tmp_path / "data/imdb_crop.unpacking").mkdir()  # as if killed while unpacking
    assert download(server, tmp_path).returncode == 0
    assert server.starts == [0, num_bytes] and contents(tmp_path) == files
    shutil.rmtree(tmp_path / "data/imdb_crop")
    part.write_bytes(server.content)
    assert download(server, tmp_path).returncode == 0 and len(server.starts) == 2


OK = {"imdb_crop/imdb.mat": b"x"}
BROKEN = {
    "page": b"<!DOCTYPE html>" + b" " * 30_000,
    "truncated": as_tar({**OK, "imdb_crop/a.jpg": b"a" * 30_000})[:16_384],
    "truncated between files": as_tar({**OK, "imdb_crop/a.jpg": b"a"})[:1024],
}


@pytest.mark.parametrize("name", BROKEN)
def test_anything_but_a_whole_archive_is_one_line_and_removed(server, tmp_path, name):
    server.content = BROKEN[name]
    done = download(server, tmp_path)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert done.stderr.endswith("expected a whole tar archive, received something else\n")
    assert contents(tmp_path) == {}


@pytest.mark.parametrize("name", ["imdb_crop/../../../outside", "/outside", "wiki_crop/wiki.mat"])
def test_nothing_is_written_outside_and_the_target_is_complete(server, tmp_path, name):
    folder = tmp_path / "a/b"
    folder.mkdir(parents=True)
    name = f"{tmp_path}{name}" if name.startswith("/") else name
    server.content = as_tar({name: b"x"} if "wiki" in name else {**OK, name: b"x"})
    download(server, folder)
    written = {path.relative_to(folder / "data").parts[0] for path in tmp_path.rglob("outside")}
    assert written <= {"imdb_crop.unpacking"}
    target = folder / "data/imdb_crop"
    assert not target.exists() or (target / "imdb.mat").read_bytes() == b"x"


def test_refusals_are_one_line(server, tmp_path):
    assert subprocess.run([SCRIPT, "imbd"], cwd=tmp_path, capture_output=True).returncode == 2
    (tmp_path / "data/imdb_crop").mkdir(parents=True)
    done = download(server, tmp_path)
    assert done.returncode == 1 and "expected imdb.mat in it; move it away" in done.stderr
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "mkdir"):
        (tools / tool).symlink_to(shutil.which(tool))
    command = ["bash", SCRIPT, "wiki", "elsewhere"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stderr.startswith("error: curl was not found")


def test_make_download_and_make_preprocess_mean_the_same_folder():
    def commands(*arguments):
        command = ["make", "-n", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "bin/download-imdb-crop.sh wiki data/wiki_crop\n" in commands("download", "DATASET=wiki")
    wiki = "--db-path data/wiki_crop/wiki.mat --photo-dir data/wiki_crop "
    assert wiki in commands("preprocess", "DATASET=wiki")
