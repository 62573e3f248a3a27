"""A command as a process: environment variables, signals, errors in one line, exit codes."""

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

# TensorFlow and OpenCV read these variables when they are imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Training on CPUs is 1.3 to 2.2 times faster with oneDNN; on some CPUs it is off by default.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Commands report bad files and missing cameras themselves, in one line.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

from age_gender_estimation.errors import InputError, SettingError  # noqa: E402
from age_gender_estimation.storage import filesystem  # noqa: E402
from age_gender_estimation.storage.error_text import (  # noqa: E402
    find_full_disk,
    format_os_error,
    printable,
)

CHATTY = ("tensorflow", "absl", "matplotlib")  # loggers whose warnings do not help users


def run(main: Callable[[], int | None]) -> None:
    """Runs `main()` as the whole work of this process, and exits.

    The exit code is 0 if it was done, 1 if it could not be done, 2 for wrong arguments, 130 after
    Ctrl-C and 143 after SIGTERM. A foreseeable failure prints one line; an unforeseen exception
    prints its traceback.

    Args:
      main: the work. It returns an exit code, or None for 0.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    # Names of files that are not UTF-8 can be printed, too.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.environ.get("AGE_GENDER_END_WITH_PARENT"):
        threading.Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    codes = [1]  # stays 1 after an unforeseen exception
    # Handlers run in reverse order: this one after all that TensorFlow registers later.
    atexit.register(_leave_s3, codes)
    try:
        codes[0] = exit_code_of(main)
    except SystemExit as error:  # from argparse, or from SIGTERM
        codes[0] = error.code if isinstance(error.code, int) else 1
        raise
    sys.exit(codes[0])


def exit_code_of(main: Callable[[], int | None]) -> int:
    """Runs `main()` and prints one line about a foreseeable failure.

    Args:
      main: the work. It returns an exit code, or None for 0.

    Returns:
      The exit code.

    Raises:
      Exception: an unforeseen one, that is a bug.
    """
    try:
        code = main() or 0
        sys.stdout.flush()  # at exit, Python would report a failure in its own words
        return code
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, SettingError) else 1
    except BrokenPipeError:  # the reader of our output, such as head, has ended
        _discard_output()
        return 128 + signal.SIGPIPE
    except OSError as error:  # such as a full disk, or a folder without write permission
        print(f"error: {printable(format_os_error(error))}", file=sys.stderr)
        if error.filename is None:
            _discard_output()
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except Exception as error:
        full_disk = find_full_disk(str(error))  # TensorFlow reports one with its own exceptions
        if not full_disk:
            raise
        print(f"error: {full_disk}", file=sys.stderr)
        return 1


@contextlib.contextmanager
def until_stopped() -> Iterator[list[int]]:
    """Collects signals instead of ending the process, until the `with` block ends.

    Ctrl-C and SIGTERM append their exit code to the list that it yields. A second signal ends the
    process at once.
    """
    codes: list[int] = []

    def note(number, _):
        codes.append(128 + number)
        restore()

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield codes
    finally:
        restore()


def _end_with_parent(parent: int) -> None:
    # A parent that is killed with -9 cannot stop its children.
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


def _discard_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_s3(codes: list[int]) -> None:
    """Ends a process that used S3 with its own exit code, before the AWS client aborts it (134).

    It runs after all threads and the other exit handlers have ended.
    """
    if not filesystem.is_s3_used():
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a full disk, or a reader that has ended
            codes[0] = codes[0] or 1
    os._exit(codes[0])
