"""Fixtures that many tests read: drawn faces, and one real run from raw files to an export."""

import contextlib
import io
import logging
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from xml.etree import ElementTree

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Tests run in a process per core: more threads of TensorFlow would wait for each other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import cv2
import numpy as np
import pytest

from age_gender_estimation.cli.main import execute
from age_gender_estimation.cli.run import CHATTY, exit_code_of

ROOT = pathlib.Path(__file__).resolve().parent.parent


COMMANDS = {
    "evaluate.py": ["evaluate"],
    "export.py": ["export"],
    "make_sample.py": ["sample"],
    "predict.py": ["predict"],
    "preprocess_csv.py": ["preprocess", "csv"],
    "preprocess_imdb.py": ["preprocess", "imdb"],
    "preprocess_utkface.py": ["preprocess", "utkface"],
    "report_data.py": ["report"],
    "run_study.py": ["study"],
    "train.py": ["train"],
    "web.py": ["serve"],
}


def run_script(name, *args, check=True, cwd=None, env=None, **options):
    """Runs bin/<name> and returns what subprocess.run would; in this process, where TensorFlow is
    loaded already.

    With variables or options of subprocess.run it is a process of its own, as for a user.
    """
    if env or options:
        command = [sys.executable, str(ROOT / "bin" / name), *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, **options)
    else:
        done = run_command([*COMMANDS[name], *map(str, args)], cwd)
    assert not check or done.returncode == 0, done.stderr
    return done


def run_command(argv, cwd=None):
    """Runs `age-gender ARGV` in this process; returns a subprocess.CompletedProcess."""
    out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    with _logging_to(errors), _process_state(), contextlib.chdir(cwd or "."):
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            try:
                code = exit_code_of(lambda: execute(argv))
            except SystemExit as error:  # of argparse
                code = error.code or 0
    texts = []
    for stream in (out, errors):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
    return subprocess.CompletedProcess(argv, code, *texts)


@contextlib.contextmanager
def _logging_to(stream):
    loggers = [logging.root, *map(logging.getLogger, ("age_gender_estimation", *CHATTY))]
    levels = [logger.level for logger in loggers]
    handler = logging.StreamHandler(stream)
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.INFO)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.removeHandler(handler)
        for logger, level in zip(loggers, levels):
            logger.setLevel(level)


@contextlib.contextmanager
def _process_state():
    """Puts back what a command may change: variables and the handler of SIGTERM."""
    handler, variables = signal.getsignal(signal.SIGTERM), dict(os.environ)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, handler)
        os.environ.clear()
        os.environ.update(variables)


@pytest.fixture(scope="session")
def script():
    return run_script


def published_weights(name):
    """Returns the path of a file of published weights, and a mark that skips tests without it."""
    folder = os.environ.get("AGE_GENDER_WEIGHTS_DIR", ROOT.parent / "shared/data")
    path = pathlib.Path(folder, name)
    reason = f"the published weights are not at hand: no {name}"
    return path, pytest.mark.skipif(not path.is_file(), reason=reason)


@pytest.fixture
def noise_image():
    """uint8 [40, 60, 3]: soft random colours, so that resizing and JPEG change little."""
    small = np.random.default_rng(0).integers(0, 255, (5, 6, 3), np.uint8)
    return cv2.resize(small, (60, 40), interpolation=cv2.INTER_CUBIC)


@pytest.fixture(scope="session")
def write_video():
    """A function that writes uint8 RGB frames to a path, whose ending chooses the container."""

    def write(path, frames, fps=10, codec="mp4v"):
        size = frames[0].shape[1::-1]
        writer = cv2.VideoWriter(
            str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), fps, size
        )
        assert writer.isOpened()
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        writer.release()
        return str(path)

    return write


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """A drawn IMDB dataset of 120 photos: (folder, labels by path, dropped by reason)."""
    from age_gender_estimation.datasets.synthetic import write_synthetic_imdb

    folder = tmp_path_factory.mktemp("sample")
    return (folder, *write_synthetic_imdb(str(folder), 120, seed=1, size=48))


@pytest.fixture(scope="session")
def crops(sample, tmp_path_factory):
    """The preprocessed sample: a folder with crop/, train.csv, val.csv, preprocess.json."""
    out = tmp_path_factory.mktemp("crops")
    run_script(
        "preprocess_imdb.py",
        "--db-path",
        sample[0] / "imdb.mat",
        "--photo-dir",
        sample[0],
        "--output-dir",
        out,
        "--img-size",
        32,
        "--workers",
        2,
    )
    return out


@pytest.fixture(scope="session")
def train_arguments(crops):
    """The command line of a training that takes seconds; give it --model-dir."""
    return [
        "--img-dir",
        crops / "crop",
        "--train-csv",
        crops / "train.csv",
        "--val-csv",
        crops / "val.csv",
        "--img-size",
        32,
        "--batch-size",
        8,
        "--backbone",
        "cnn",
        "--eval-steps",
        6,
        "--log-steps",
        4,
    ]


@pytest.fixture(scope="session")
def trained(train_arguments, tmp_path_factory):
    """A model folder after 12 real steps, with its export; (folder, the finished process)."""
    folder = tmp_path_factory.mktemp("trained")
    # A relative --model-dir, as people give it.
    arguments = [*train_arguments, "--model-dir", "model", "--num-steps", 12]
    return folder / "model", run_script("train.py", *arguments, cwd=folder)


@pytest.fixture(scope="session")
def predictor(trained):
    from age_gender_estimation.predict.predictor import Predictor

    return Predictor(str(trained[0]))


class BucketServer:
    """An S3 server on this machine (moto), in a process of its own, without any bucket.

    Attributes:
      environment: the variables that point tensorflow-io to it.
    """

    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self._url = f"http://{address}"
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                address.partition(":")[2],
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "nobody")
        self.environment = {
            **keys,
            "S3_ENDPOINT": address,
            "S3_USE_HTTPS": "0",
            "S3_VERIFY_SSL": "0",
        }

    def send(self, method, path, content=None):
        """Sends a request; returns the answer's bytes."""
        request = urllib.request.Request(
            f"{self._url}/{urllib.parse.quote(path, '/?=&')}", content, method=method
        )
        # Without any name moto answers as to strangers; it checks signatures only when told to.
        request.add_header(
            "Authorization", "AWS4-HMAC-SHA256 Credential=nobody/20200101/us-east-1/s3/aws4_request"
        )
        request.add_header(
            "Content-Type", "application/octet-stream"
        )  # the default is one that moto takes for a form
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def keys(self, bucket, prefix=""):
        """Returns the names of all that a bucket holds (at most 1,000) under a prefix."""
        listing = self.send("GET", f"{bucket}?list-type=2&prefix={prefix}")
        return [
            key.text
            for key in ElementTree.fromstring(listing).iter(
                "{http://s3.amazonaws.com/doc/2006-03-01/}Key"
            )
        ]

    def wait(self):
        """Returns once it answers."""
        deadline = time.monotonic() + 120
        while True:
            assert self._process.poll() is None and time.monotonic() < deadline
            with contextlib.suppress(OSError):
                return self.send("GET", "moto-api/")
            time.sleep(0.1)

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=60)


@pytest.fixture(scope="session")
def bucket_server():
    server = BucketServer()
    try:
        server.wait()
        yield server
    finally:
        server.stop()


class Served:
    """An export in a session.

    Attributes:
      signatures: {name: SignatureDef}.
    """

    def __init__(self, path):
        import tensorflow as tf

        self._tf = tf
        graph = tf.Graph()
        self._session = tf.compat.v1.Session(graph=graph)
        with graph.as_default():
            self.signatures = tf.compat.v1.saved_model.loader.load(
                self._session, ["serve"], path
            ).signature_def

    def answer(self, request):
        """Returns {output: array} of a PredictRequest."""
        signature = self.signatures[request.model_spec.signature_name]
        feeds = {
            signature.inputs[name].name: self._tf.make_ndarray(proto)
            for name, proto in request.inputs.items()
        }
        names = sorted(signature.outputs)
        return dict(
            zip(names, self._session.run([signature.outputs[name].name for name in names], feeds))
        )


@pytest.fixture(scope="session")
def served(predictor):
    return Served(predictor.path)


@pytest.fixture(scope="session")
def converted(predictor, tmp_path_factory):
    """An export with its SavedModel and its ONNX file."""
    from age_gender_estimation.export.check import drawn_images
    from age_gender_estimation.export.onnx_file import export_onnx

    folder = tmp_path_factory.mktemp("converted") / "export"
    shutil.copytree(predictor.path, folder)
    export_onnx(str(folder), drawn_images(32))
    return folder
