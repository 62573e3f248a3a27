"""Where uploads lie while they are answered: a folder of the server's own. In: Gradio's word for an upload. Out: bytes."""

import contextlib
import os
import pathlib
import tempfile
import threading
import time

from age_gender_estimation.errors import InputError

KEEP_SECONDS = 60  # longer than a full queue takes; equal photos share a file, so it cannot go with the first answer


@contextlib.contextmanager
def upload_folder(keep_seconds=KEEP_SECONDS):
    """Makes the folder that Gradio writes into, empties it of what is older than `keep_seconds`, and removes it at the end.

    Yields:
      its path, also in the environment as GRADIO_TEMP_DIR.
    """
    before, stop = os.environ.get("GRADIO_TEMP_DIR"), threading.Event()
    with tempfile.TemporaryDirectory(
        prefix="age_gender_web_", ignore_cleanup_errors=True
    ) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        sweeper = threading.Thread(target=_sweep, args=[folder, keep_seconds, stop], daemon=True)
        sweeper.start()
        try:
            yield folder
        finally:
            stop.set()
            sweeper.join()
            os.environ.pop("GRADIO_TEMP_DIR")
            if before is not None:
                os.environ["GRADIO_TEMP_DIR"] = before


def _sweep(folder, keep_seconds, stop):
    # Gradio's own delete_cache does not know of uploads that were broken off.
    while not stop.wait(min(5, keep_seconds / 2)):
        for path in sorted(
            pathlib.Path(folder).rglob("*"), reverse=True
        ):  # a folder after what is in it
            with contextlib.suppress(OSError):  # not empty, or gone
                if time.time() - path.lstat().st_ctime > keep_seconds:
                    path.rmdir() if path.is_dir() else path.unlink()


def read_upload(upload, folders):
    """Returns (bytes, name as the sender has it) of an upload.

    Args:
      upload: Gradio's FileData as a dict: `path` and perhaps `orig_name`.
      folders: the folders that it may be in.

    Raises:
      InputError: it is not there (any more), or elsewhere.
    """
    path = os.path.realpath((upload or {}).get("path") or "")
    if not any(path.startswith(os.path.join(os.path.realpath(folder), "")) for folder in folders):
        raise InputError("expected an uploaded file; send the picture itself")
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError:
        raise InputError("the upload is gone, it waited too long; send the picture again") from None
    return data, upload.get("orig_name") or os.path.basename(path)
