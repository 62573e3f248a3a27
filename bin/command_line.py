"""What every script in bin/ does the same: finds the package, sets TensorFlow's switches, turns errors into exit codes."""
import atexit
import contextlib
import logging
import os
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
# These are read when TensorFlow or OpenCV is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # 1.3 to 2.2 times faster training on CPUs, off by default on some
# What OpenCV and FFmpeg print about bad files and missing cameras, the scripts say in one line of their own.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

from age_gender_estimation import storage  # noqa: E402
from age_gender_estimation.errors import InputError, SettingError, find_full_disk, printable, say_os_error  # noqa: E402

PRETRAINED = str(pathlib.Path(__file__).resolve().parent.parent / "pretrained")  # the model that is shipped


def open_manifests(texts, image_dirs):
    """Opens the manifests that command line arguments name, each with its folder of crops, or all with the one folder.

    Args:
      texts: paths of CSV files; `utk.csv:race` or `utk.csv:age,race` uses its labels of these tasks only.
      image_dirs: one folder for all, or one for each.

    Raises:
      InputError, SettingError: see data.manifest.open_manifest; unknown tasks; folders that do not pair up.
    """
    from age_gender_estimation.data.manifest import open_manifest
    from age_gender_estimation.tasks.labels import LABELS
    if len(image_dirs) not in (1, len(texts)):
        raise SettingError(f"expected 1 or {len(texts)} image folders for {len(texts)} CSVs, got {len(image_dirs)}; "
                           "see --img-dir and --val-img-dir")
    manifests = []
    for text, folder in zip(texts, image_dirs * len(texts) if len(image_dirs) == 1 else image_dirs):
        path, colon, names = text.rpartition(":")
        if not colon or storage.exists(text) or not storage.exists(path):
            path, colon = text, ""
        tasks = tuple(dict.fromkeys(names.split(","))) if colon else ()
        unknown = [name for name in tasks if name not in LABELS]
        if unknown:
            raise SettingError(f"{text}: unknown label {unknown[0]!r}; choose from: {', '.join(LABELS)}")
        manifests.append(open_manifest(path, folder, tasks))
    return manifests


@contextlib.contextmanager
def keras_on_demand():
    """Within it, `import tensorflow` leaves Keras to the first use of tf.keras: a fifth of its time.

    TensorFlow 2.15 imports Keras' optimizers early and goes on where that fails; None in sys.modules makes it fail.
    """
    name = "keras.src.optimizers"
    is_loaded = name in sys.modules
    sys.modules.setdefault(name, None)
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules[name]


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
    for chatty in ("tensorflow", "absl", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    sys.stdout.reconfigure(errors="backslashreplace")  # a name that is not UTF-8 can be printed, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if os.environ.get("AGE_GENDER_END_WITH_PARENT"):
        threading.Thread(target=_end_with_parent, args=[os.getppid()], daemon=True).start()
    codes = [1]  # of what nobody foresaw
    atexit.register(_leave_s3, codes)  # before TensorFlow registers anything: the last to be called is the first one here
    try:
        code = main() or 0
        sys.stdout.flush()  # what cannot be printed at exit, Python says in its own words
    except SystemExit as error:  # of argparse, or of SIGTERM
        codes[0] = error.code or 0
        raise
    except InputError as error:
        print(f"error: {printable(str(error))}", file=sys.stderr)
        code = 2 if isinstance(error, SettingError) else 1
    except BrokenPipeError:  # the reader of our output, head perhaps, has seen enough
        _print_no_more()
        code = 128 + signal.SIGPIPE
    except OSError as error:  # a full disk, a folder that may not be written
        print(f"error: {printable(say_os_error(error))}", file=sys.stderr)
        if error.filename is None:
            _print_no_more()
        code = 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        code = 128 + signal.SIGINT
    except Exception as error:  # TensorFlow has exceptions of its own for a full disk; the rest are bugs
        full_disk = find_full_disk(str(error))
        if not full_disk:
            raise
        print(f"error: {full_disk}", file=sys.stderr)
        code = 1
    codes[0] = code
    sys.exit(code)


def _print_no_more():
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_s3(codes):
    """Ends a process that used S3 with its own exit code, where the AWS client would abort it (134).

    Called when threads have ended and all other exit handlers have run.
    """
    if not storage.is_s3_used():
        return
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a full disk, a reader that has gone
            codes[0] = codes[0] or 1
    os._exit(codes[0])
