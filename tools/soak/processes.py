"""Starts and kills a command; watches its processes and the files that it opens."""

import contextlib
import ctypes
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

IN_OPEN, IN_Q_OVERFLOW = 0x20, 0x4000
EVENT = struct.Struct("iIII")  # inotify(7): watch, mask, cookie, length of the name after it


def start(arguments, log):
    """Starts `age-gender ARGUMENTS` as the leader of a process group, which its workers join."""
    command = [sys.executable, "-m", "age_gender_estimation", *map(str, arguments)]
    with open(log, "w", encoding="utf-8") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, process_group=0)


def kill(process, with_workers):
    """Kills a command with SIGKILL, alone or with its workers at the same moment."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL) if with_workers else process.kill()
    process.wait()


def left_behind(group, seconds=60):
    """Waits for the processes of a group to end; returns the ids of those alive after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        alive = []
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
                if int(its_group) == group and state not in "ZX":
                    alive.append(int(path.parent.name))
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.05)


class Openings:
    """Records in which order the files of a folder and its subfolders are opened, with inotify."""

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self._file = os.fdopen(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0)
        self._folders = {}
        for path in filter(os.path.isdir, [folder, *pathlib.Path(folder).rglob("*")]):
            watch = libc.inotify_add_watch(self._file.fileno(), os.fsencode(path), IN_OPEN)
            if watch < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", str(path))
            self._folders[watch] = os.path.relpath(path, folder)

    def names(self):
        """Returns the names of the files opened so far, relative to the folder, and stops."""
        names = []
        with self._file:
            while data := self._file.read(1 << 16):
                position = 0
                while position < len(data):
                    watch, mask, _, length = EVENT.unpack_from(data, position)
                    position += EVENT.size + length
                    assert not mask & IN_Q_OVERFLOW, (
                        "the kernel lost events: fewer steps between kills"
                    )
                    name = os.fsdecode(data[position - length : position].rstrip(b"\0"))
                    if name:  # not the folder itself
                        names.append(os.path.normpath(os.path.join(self._folders[watch], name)))
        return names
