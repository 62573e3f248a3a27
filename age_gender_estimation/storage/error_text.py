"""The text of errors: an exception of the system or of TensorFlow in, one line for the user out."""

import contextlib
import errno
import os
import re
from collections.abc import Iterator

# What to do about an error number.
ADVICE = {
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EFBIG: "lift the limit on the size of files (ulimit -f)",
}


@contextlib.contextmanager
def add_filename(path: str | os.PathLike, temporary: str | None = None) -> Iterator[None]:
    """Gives an OSError raised within it the name of a file.

    Args:
      path: the name for errors of writing, which know no file name.
      temporary: a name that the user should not see; `path` replaces it in the error.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, temporary):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def format_os_error(error: OSError) -> str:
    """Returns an OSError on one line.

    Example: `var/train.csv: No space left on device; make room and start again`.
    """
    advice = f"; {ADVICE[error.errno]} and start again" if error.errno in ADVICE else ""
    return f"{error.filename or 'standard output'}: {error.strerror or error}{advice}"


def find_full_disk(message: str) -> str | None:
    """Returns what `format_os_error` says about the full disk in a message of TensorFlow, or None.

    TensorFlow's writers put `PATH; No space left on device` on a line of its own. PATH may be the
    name of an unfinished file.
    """
    for number in ADVICE:
        text = os.strerror(number)
        pattern = rf"^(.*?)(?:\.tempstate\d+)?; {re.escape(text)}"
        if found := re.search(pattern, message, re.MULTILINE):
            return format_os_error(OSError(number, text, found[1]))
    return None


def short_message(error: BaseException, length: int = 200) -> str:
    """Returns the message of an exception on one line of at most `length` characters.

    TensorFlow lists the calls that built an operation before the reason; only the reason is kept.
    """
    message = str(getattr(error, "message", error))
    reason = re.split(r"^Node: .*$", message, flags=re.MULTILINE)[-1]
    return printable(" ".join(reason.split())[:length])


def printable(text: str) -> str:
    """Returns `text` on one line; characters that control a terminal become Python escapes."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
