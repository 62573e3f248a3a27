"""Writing: files that are there whole or not at all, and CSV lines that every reader reads back."""
import csv
import io
import os


def write_file(path, content):
    """Writes str or bytes to `path` through a temporary name beside it, replacing what was there in one step."""
    temporary = f"{path}.tmp"
    mode = {"mode": "wb"} if isinstance(content, bytes) else {"mode": "w", "encoding": "utf-8", "newline": ""}
    with open(temporary, **mode) as file:
        file.write(content)
    os.replace(temporary, path)


def csv_line(cells):
    """Returns one line of RFC 4180 CSV, ended by a line feed."""
    line = io.StringIO()
    # The writer quotes the characters of its own line end only: with CRLF that is a carriage return in a name too.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
