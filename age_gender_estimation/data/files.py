"""Writing: files that are there whole or not at all, and CSV lines that every reader reads back. Reading of small JSON."""
import csv
import io
import json
import os

MAX_JSON = 2 ** 26  # characters; the largest of ours, the evaluations of a long training, has some 10,000


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


def read_json(path):
    """Returns the contents of a JSON file.

    Raises:
      OSError: it is not there or may not be read.
      ValueError: no JSON, nested too deeply, or too long for any that this project writes.
    """
    with open(path, encoding="utf-8") as file:
        text = file.read(MAX_JSON + 1)
    if len(text) > MAX_JSON:
        raise ValueError(f"expected JSON of at most {MAX_JSON} characters")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
