"""Access to a bucket: a check within 10 seconds that it can be reached, and its errors as OSErrors.

The AWS client in tensorflow-io reports "refused" and "unreachable" as "not found", the latter after
minutes. So each bucket is checked once before its first use.
"""

import contextlib
import errno
import functools
import os
import socket
from collections.abc import Iterator
from types import ModuleType
from urllib.parse import urlsplit

from age_gender_estimation.storage.error_text import short_message

METADATA = "http://169.254.169.254"  # where machines of Amazon's cloud learn their credentials
SECONDS = 10  # for a server to accept a connection
# For the AWS client, unless the user sets them; it tries eleven times, for minutes each by default.
TIMEOUTS = {"S3_CONNECT_TIMEOUT_MSEC": "5000", "S3_REQUEST_TIMEOUT_MSEC": "10000"}


@contextlib.contextmanager
def open_bucket(path: str | os.PathLike) -> Iterator[ModuleType]:
    """Gives tf.io.gfile for a path in a bucket; TensorFlow's errors become OSErrors with the path.

    Raises:
      OSError: the server is unreachable, refuses the credentials or has no such bucket, or the
        operation failed.
    """
    import tensorflow as tf  # takes seconds: only with a bucket

    scheme, _, rest = str(path).partition("://")
    refusals = tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError
    try:
        _check_bucket(scheme, rest.partition("/")[0])
        yield tf.io.gfile
    except tf.errors.OpError as error:
        number = errno.EACCES if isinstance(error, refusals) else errno.EIO
        if isinstance(error, tf.errors.NotFoundError):
            number = errno.ENOENT
        reason = short_message(error, 300) or type(error).__name__
        raise OSError(number, reason, str(path)) from None


@functools.cache
def _check_bucket(scheme: str, bucket: str) -> None:
    import tensorflow as tf

    root, server = f"{scheme}://{bucket}/", _server(scheme)
    if scheme == "s3":
        _set_up_s3(server)
    if problem := _connection_problem(server):
        advice = "see S3_ENDPOINT and AWS_REGION" if scheme == "s3" else "is this machine online?"
        raise OSError(errno.EIO, f"{server} does not answer ({problem}); {advice}", root)
    if tf.io.gfile.isdir(root):
        return
    try:
        # Only reading a file tells "refused" from "not found".
        tf.io.gfile.GFile(f"{root}-", "rb").read(1)
    except tf.errors.PermissionDeniedError:
        reason = (
            f"{server} refuses these credentials, or to list the bucket with them; "
            "see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION"
        )
        raise PermissionError(errno.EACCES, reason, root) from None
    except tf.errors.OpError:
        pass
    raise OSError(errno.EIO, f"no such bucket at {server}", root)


def _set_up_s3(server: str) -> None:
    for name, value in TIMEOUTS.items():
        os.environ.setdefault(name, value)
    if os.environ.get("S3_ENDPOINT"):
        os.environ["S3_ENDPOINT"] = server  # tensorflow-io 0.36 ignores S3_USE_HTTPS
    if os.environ.get("AWS_ACCESS_KEY_ID") or _connection_problem(METADATA):
        os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")  # the client would wait for it
    import tensorflow_io  # noqa: F401  (from now on TensorFlow knows s3://)


def _server(scheme: str) -> str:
    """Returns the address of the server of all buckets."""
    if scheme == "gs":
        return "https://storage.googleapis.com"
    region = os.environ.get("AWS_REGION", "us-east-1")
    address = os.environ.get("S3_ENDPOINT") or f"s3.{region}.amazonaws.com"
    is_plain = os.environ.get("S3_USE_HTTPS", "1") in ("0", "false")
    return address if "://" in address else f"{'http' if is_plain else 'https'}://{address}"


def _connection_problem(server: str) -> str:
    """Returns why a server does not accept a connection within SECONDS, or ""."""
    try:
        url = urlsplit(server)
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname or "", port), SECONDS).close()
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""
