"""Writing: files that are there whole or not at all, and CSV lines that every reader reads back."""
import csv
import io

from age_gender_estimation import storage


def write_file(path, content):
    """Writes str or bytes to `path`, here or in a bucket, replacing what was there in one step."""
    storage.write_bytes(path, content if isinstance(content, bytes) else content.encode())


def csv_line(cells):
    """Returns one line of RFC 4180 CSV, ended by a line feed."""
    line = io.StringIO()
    # The writer quotes the characters of its own line end only: with CRLF that is a carriage return in a name too.
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"
