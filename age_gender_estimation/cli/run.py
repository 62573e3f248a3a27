"""What every script in bin/ does the same: sets TensorFlow's switches, turns errors into exit codes."""

import atexit
import contextlib
import logging
import os
import signal
import sys
import threading
import time

# These are read when TensorFlow or OpenCV is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(
    "TF_ENABLE_ONEDNN_OPTS", "1"
)  # 1.3 to 2.2 times faster training on CPUs, off by default on some
# What OpenCV and FFmpeg print about bad files and missing cameras, the scripts say in one line of their own.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

from age_gender_estimation.errors import InputError, SettingError  # noqa: E402
from age_gender_estimation.storage import filesystem  # noqa: E402
from age_gender_estimation.storage.error_text import (  # noqa: E402
    find_full_disk,
    format_os_error,
    printable,
)

CHATTY = ("tensorflow", "absl", "matplotlib")  # loggers whose warnings nobody asked for


@contextlib.contextmanager
def until_stopped():
    """Within it, Ctrl-C and SIGTERM only add their exit code to the list that it gives; a second one stops at once."""
    codes = []

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


def _end_with_parent(parent):
    # A parent that was killed with -9 cannot tell its children to stop.
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


def run(main):
    """Runs `main()` and exits: 0 done, 1 with one line for work that could not be done, 130 and 143 when told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    sys.stdout.reconfigure(
        errors="backslashreplace"
    )  # a name that is not UTF-8 can be printed, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.environ.get("AGE_GENDER_END_WITH_PARENT"):
        threading.Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    codes = [1]  # of what nobody foresaw
    atexit.register(
        _leave_s3, codes
    )  # before TensorFlow registers anything: the last to be called is the first one here
    try:
        codes[0] = exit_code_of(main)
    except SystemExit as error:  # of argparse, or of SIGTERM
        codes[0] = error.code or 0
        raise
    sys.exit(codes[0])


def exit_code_of(main):
    """Runs `main()`; returns its exit code, after one line about what it raised that is no bug."""
    try:
        code = main() or 0
        sys.stdout.flush()  # what cannot be printed at exit, Python says in its own words
        return code
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        return 2 if isinstance(error, SettingError) else 1
    except BrokenPipeError:  # the reader of our output, head perhaps, has seen enough
        _print_no_more()
        return 128 + signal.SIGPIPE
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {printable(format_os_error(error))}", file=sys.stderr)
        if error.filename is None:
            _print_no_more()
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except (
        Exception
    ) as error:  # TensorFlow has exceptions of its own for a full disk; the rest are bugs
        full_disk = find_full_disk(str(error))
        if not full_disk:
            raise
        print(f"error: {full_disk}", file=sys.stderr)
        return 1


def _print_no_more():
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_s3(codes):
    """Ends a process that used S3 with its own exit code, where the AWS client would abort it (134).

    Called when threads have ended and all other exit handlers have run.
    """
    if not filesystem.is_s3_used():
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a full disk, a reader that has gone
            codes[0] = codes[0] or 1
    os._exit(codes[0])
