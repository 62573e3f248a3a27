"""Writing: files that are there whole or not at all, and CSV lines that every reader reads back."""
import contextlib
import csv
import io
import os

from age_gender_estimation.errors import naming


def write_file(path, content):
    """Writes `content` to `path` through a temporary name beside it, replacing what was there in one step.

    Args:
      path: the file.
      content: str or bytes, or a function that writes to the open binary file which it is given.

    Raises:
      OSError: it cannot be written; what was there is as it was.
    """
    write_files({path: content})


def write_files(contents):
    """Writes {path: content}, as `write_file` does, all or none: the first one is replaced when the last one is on disk."""
    temporary = {path: f"{path}.tmp" for path in contents}
    try:
        for path, content in contents.items():
            with naming(path), open(temporary[path], "wb") as file:
                if callable(content):
                    content(file)
                else:
                    file.write(content.encode() if isinstance(content, str) else content)
    except BaseException:
        for name in temporary.values():  # half a file takes room on a full disk
            with contextlib.suppress(OSError):
                os.remove(name)
        raise
    for path, name in temporary.items():
        os.replace(name, path)


def csv_line(cells):
    """Returns one line of RFC 4180 CSV, ended by a line feed."""
    line = io.StringIO()
    # The writer quotes the characters of its own line end only: with CRLF that is a carriage return in a name too.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
