"""How errors are worded: one line that names the file and says what to do."""

import contextlib
import errno
import os
import re

WAYS_OUT = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "lift the limit on the size of files (ulimit -f)",  # Python and so TensorFlow ignore SIGXFSZ
}


@contextlib.contextmanager
def add_filename(path):
    """Within it, an OSError of a write, which knows its file by number only, gets the file's name."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def format_os_error(error):
    """Returns an OSError in one line: `var/train.csv: No space left on device; make room and start again`."""
    way_out = f"; {WAYS_OUT[error.errno]} and start again" if error.errno in WAYS_OUT else ""
    return f"{error.filename or 'standard output'}: {error.strerror or error}{way_out}"


def find_full_disk(message):
    """Returns what `format_os_error` says of the full disk that an error message of TensorFlow tells of, or None.

    Its writers put `PATH; No space left on device` into a line of their own, where PATH may be an unfinished file's; a file
    that got too large is an OutOfRangeError to them.
    """
    for number in WAYS_OUT:
        text = os.strerror(number)
        if found := re.search(
            rf"^(.*?)(?:\.tempstate\d+)?; {re.escape(text)}", message, re.MULTILINE
        ):
            return format_os_error(OSError(number, text, found[1]))
    return None


def short_message(error, length=200):
    """Returns the message of an exception of TensorFlow, Keras or a reader of theirs, on one line of at most `length`.

    TensorFlow's begin with all the calls that built the operation; why it failed stands after its name.
    """
    text = re.split(r"^Node: .*$", str(getattr(error, "message", error)), flags=re.MULTILINE)[-1]
    return printable(" ".join(text.split())[:length])


def printable(text):
    """Returns `text` on one line, with what would move a terminal's cursor or colour it written as Python escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
