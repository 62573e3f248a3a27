"""Writing a file so that it is there whole or not at all."""
import os


def write_file(path, content):
    """Writes str or bytes to `path` through a temporary name beside it, replacing what was there in one step."""
    temporary = f"{path}.tmp"
    mode = {"mode": "wb"} if isinstance(content, bytes) else {"mode": "w", "encoding": "utf-8", "newline": ""}
    with open(temporary, **mode) as file:
        file.write(content)
    os.replace(temporary, path)
