"""What every script in bin/ does the same: finds the package, sets TensorFlow's switches, turns errors into exit codes."""
import argparse
import atexit
import contextlib
import dataclasses
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


def make_parser(docstring):
    """Returns an argument parser that shows the script's docstring and every default."""
    class Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
        pass

    return argparse.ArgumentParser(description=docstring, formatter_class=Formatter)


def add_fields(parser, config_class):
    """Adds a flag per field of a dataclass: its name, type, default and metadata (help, choices)."""
    for field in dataclasses.fields(config_class):
        options = {"help": field.metadata["help"], "default": field.default}
        if field.type is bool:
            options["action"] = argparse.BooleanOptionalAction
        elif field.type is tuple:
            options.update(type=_tuple_of(field.metadata["item_type"]))
        else:
            options.update(type=field.type, choices=field.metadata.get("choices"))
        parser.add_argument(f"--{field.name.replace('_', '-')}", **options)


def _tuple_of(item_type):
    def parse(text):
        return tuple(item_type(part) for part in text.split(",") if part)

    parse.__name__ = f"comma-separated {item_type.__name__}"  # argparse names it when a value does not fit
    return parse


def take_fields(args, config_class):
    """Returns a `config_class` filled from parsed flags."""
    return config_class(**{field.name: getattr(args, field.name) for field in dataclasses.fields(config_class)})


def as_flags(config):
    """Returns the command line arguments from which `take_fields` makes `config`; defaults are left out."""
    arguments = []
    for field in dataclasses.fields(config):
        value, dashed = getattr(config, field.name), field.name.replace("_", "-")
        if value == field.default:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{dashed}" if value else f"--no-{dashed}")
        else:
            arguments += [f"--{dashed}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    return arguments


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


def positive(text):
    """Argument type: a whole number above 0."""
    value = int(text)
    if value <= 0:
        raise ValueError
    return value


def whole(text):
    """Argument type: a whole number, 0 or more."""
    value = int(text)
    if value < 0:
        raise ValueError
    return value


def ratio(text):
    """Argument type: a share from 0 to 1."""
    value = float(text)
    if not 0.0 <= value <= 1.0:
        raise ValueError
    return value


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
