"""bin/download-imdb-crop.sh against servers on loopback that do what bad networks and servers do."""

import contextlib
import http.server
import io
import os
import pathlib
import re
import resource
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


def as_tar(files, link=None):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        if link:
            member = tarfile.TarInfo("imdb_crop/link")
            member.type, member.linkname = tarfile.SYMTYPE, link
            archive.addfile(member)
    return buffer.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """Serves `content` at /imdb_crop.tar. `breaks` transfers end after half of what is left; `wait` seconds per 64 KiB.

    `starts` lists the first byte of each transfer that was answered.
    """

    def __init__(
        self,
        content,
        breaks=0,
        ranges=True,
        kind="application/x-tar",
        size=None,
        wait=0.0,
        etag='"1"',
    ):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.breaks, self.ranges = content, breaks, ranges
        self.kind, self.wait, self.etag = kind, wait, etag
        self.size = size or len(content)
        self.starts = []

    def handle_error(self, *_):  # a client that went away is part of the tests
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        server, start = self.server, self._answer()
        if start is None:
            return
        server.starts.append(start)
        end = len(server.content)
        if server.breaks:
            server.breaks, end = server.breaks - 1, (start + end) // 2
        for position in range(start, end, 1 << 16):
            self.wfile.write(server.content[position : min(position + (1 << 16), end)])
            time.sleep(server.wait)

    def _answer(self):
        """Sends the headers; returns the first byte that is asked for, None for none."""
        server, asked = self.server, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if self.path != "/imdb_crop.tar":
            self.send_error(404)
            return None
        start = int(asked[1]) if asked and server.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{server.size - 1}/{server.size}")
        self.send_header("Content-Type", server.kind)
        self.send_header("Content-Length", str(server.size - start))
        self.send_header("ETag", server.etag)
        self.end_headers()
        return start

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


def start(server, folder):
    """Starts the script in a process group of its own."""
    environment = {
        **os.environ,
        "IMDB_WIKI_URL": f"http://127.0.0.1:{server.server_port}/imdb_crop.tar",
        "no_proxy": "*",
    }
    return subprocess.Popen(
        [SCRIPT],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))


def unpacked(folder):
    """What lies in data/: {name: bytes}."""
    root = folder / "data"
    return {
        str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def kill_session(process):
    """Kills the script and its jobs, which are process groups of its session, as a machine that goes down does."""
    while running := [
        pid
        for pid in map(int, filter(str.isdecimal, os.listdir("/proc")))
        if is_in(process.pid, pid)
    ]:
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    process.communicate(timeout=30)


def is_in(session, pid):
    """Whether a process of that session lives; a dead one that nobody has asked for holds no lock."""
    try:
        return (
            os.getsid(pid) == session
            and "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
        )
    except OSError:
        return False


def until(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def test_a_transfer_that_breaks_off_goes_on_in_the_middle_and_a_second_run_does_nothing(
    files, tmp_path
):
    with serving(as_tar(files), breaks=2) as server:
        done = download(server, tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "unpacked: data/imdb_crop\n", "")
        half, size = len(server.content) // 2, len(server.content)
        assert server.starts == [0, half, (half + size) // 2] and unpacked(tmp_path) == files
        again = download(server, tmp_path)
        assert (again.returncode, again.stdout) == (0, "data/imdb_crop is there\n")
        assert len(server.starts) == 3 and unpacked(tmp_path) == files


def test_a_server_without_ranges_gets_no_second_copy_appended(files, tmp_path):
    with serving(as_tar(files), breaks=1, ranges=False) as server:
        done = download(server, tmp_path)
    assert done.returncode == 0 and "beginning anew" in done.stderr and unpacked(tmp_path) == files


def test_another_archive_at_the_address_is_not_mixed_with_the_part_of_the_first(files, tmp_path):
    other = {name: content[::-1] for name, content in files.items()}
    with serving(as_tar(files)) as server:
        assert download(server, tmp_path, preexec_fn=limit_file_size).returncode == 1
    with serving(as_tar(other), etag='"2"') as server:
        done = download(server, tmp_path)
        assert done.returncode == 0 and "of another archive" in done.stderr
        assert server.starts == [0] and unpacked(tmp_path) == other


def test_an_error_page_with_status_200_keeps_what_was_transferred(files, tmp_path):
    content = as_tar(files)
    page = b"<!DOCTYPE html><title>Sign in</title>" + b" " * 30_000
    with serving(content, wait=0.05) as server:
        process = start(server, tmp_path)
        part = tmp_path / "data/imdb_crop.tar.part"
        until(lambda: part.exists() and part.stat().st_size > 100_000, process)
        kill_session(process)
        num_bytes = part.stat().st_size
        server.content, server.kind, server.size = page, "text/html; charset=utf-8", len(page)
        done = download(server, tmp_path)
        assert (
            done.returncode == 1
            and "expected a tar archive, the server offers a page" in done.stderr
        )
        assert part.stat().st_size == num_bytes
        server.content, server.kind, server.size, server.wait = (
            content,
            "application/x-tar",
            len(content),
            0,
        )
        assert download(server, tmp_path).returncode == 0
    assert server.starts == [0, num_bytes] and unpacked(tmp_path) == files


def broken_archives(root="/"):
    ok = {"imdb_crop/imdb.mat": b"x"}
    return {
        "page": b"<!DOCTYPE html>" + b" " * 30_000,
        "cut off": as_tar({**ok, "imdb_crop/a.jpg": b"a" * 30_000})[:16_384],
        "cut off between files": as_tar({**ok, "imdb_crop/a.jpg": b"a"})[:1024],
        "absolute": as_tar({**ok, f"{root}/outside": b"x"}),
        "parent": as_tar({**ok, "imdb_crop/../../../outside": b"x"}),
        "link": as_tar(ok, link="/"),
        "wiki": as_tar({"wiki_crop/wiki.mat": b"x"}),
        "labels missing": as_tar({"imdb_crop/a.jpg": b"x"}),
    }


@pytest.mark.parametrize("name", broken_archives())
def test_what_is_no_whole_and_harmless_archive_is_refused_and_removed(tmp_path, name):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    with serving(broken_archives(str(tmp_path))[name]) as server:
        done = download(server, folder)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "expected a whole tar archive of files in imdb_crop/, received: " in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [
        folder / "data/imdb_crop.tar.part.of"
    ]


def test_refusals_are_one_line(files, tmp_path):
    with serving(as_tar(files), size=10**15) as server:
        done = download(server, tmp_path, "nowhere.tar")
        assert done.returncode == 1 and re.fullmatch(
            r"error: http\S+: curl: .* error: 404\n", done.stderr
        )
        done = download(server, tmp_path)
        assert done.returncode == 1 and re.fullmatch(
            r"error: data: expected \d+ MiB free .*\n", done.stderr
        )
        assert server.starts == []
    done = download(server, tmp_path)
    assert done.returncode == 1 and re.fullmatch(
        r"error: http\S+: curl: .* connect .*\n", done.stderr
    )
    (tmp_path / "data/imdb_crop").mkdir()
    (tmp_path / "data/imdb_crop/mine.txt").write_text("x")
    done = download(server, tmp_path)
    assert done.returncode == 1 and "expected imdb.mat in it, or no such folder" in done.stderr
    assert subprocess.run([SCRIPT, "imbd"], cwd=tmp_path, capture_output=True).returncode == 2


def test_killed_while_transferring_and_while_unpacking(files, tmp_path):
    data = tmp_path / "data"
    with serving(as_tar(files), wait=1.0) as server:
        process = start(server, tmp_path)
        until(lambda: (data / "imdb_crop.tar.part").exists() and server.starts, process)
        assert "another download is at work" in download(server, tmp_path).stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        tool = tmp_path / "bin/tar"  # the real one, which then hangs as if the disk were slow
        tool.parent.mkdir()
        tool.write_text(
            f'#!/bin/sh\n{shutil.which("tar")} "$@"\ncase "$*" in *--extract*) sleep 100 ;; esac\n'
        )
        tool.chmod(0o755)
        server.wait = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
            process = start(server, tmp_path)
        until(lambda: (data / "imdb_crop.unpacking/imdb_crop/39/nm39.jpg").exists(), process)
        kill_session(process)
        assert not (data / "imdb_crop").exists()
        num_transfers = len(server.starts)
        assert download(server, tmp_path).returncode == 0
        assert len(server.starts) == num_transfers and unpacked(tmp_path) == files


def test_a_file_size_limit_ends_in_one_line_and_the_next_run_goes_on(files, tmp_path):
    with serving(as_tar(files)) as server:
        done = download(server, tmp_path, preexec_fn=limit_file_size)
        assert done.returncode == 1 and re.fullmatch(
            r"error: \S+ cannot be written beyond 300000 .*\n", done.stderr
        )
        assert download(server, tmp_path).returncode == 0
    assert server.starts == [0, 300_000] and unpacked(tmp_path) == files


def test_make_download_and_make_preprocess_mean_the_same_folder():
    def commands(*arguments):
        return subprocess.run(
            ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    assert "bin/download-imdb-crop.sh wiki data/wiki_crop\n" in commands("download", "DATASET=wiki")
    assert "--db-path data/wiki_crop/wiki.mat --photo-dir data/wiki_crop " in commands(
        "preprocess", "DATASET=wiki"
    )
