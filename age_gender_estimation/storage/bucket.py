"""Reaching a bucket: the library that knows it, a first question that is answered soon or never, errors as OSErrors.

The AWS client inside tensorflow-io takes "refused" and "not reached" for "not there", the latter after minutes. So each
bucket is asked for itself once, before anything in it, and again where a file is not there.
"""

import contextlib
import errno
import functools
import http.client
import os
import ssl
from urllib.parse import urlsplit

from age_gender_estimation.storage.error_text import short_message

METADATA = "http://169.254.169.254"  # where Amazon's machines learn their region and role
SECONDS = 10  # to wait for the first answer of a server
# Of the AWS client, unless the user sets them; it tries eleven times, within minutes for each by its own.
LIMITS = {"S3_CONNECT_TIMEOUT_MSEC": "5000", "S3_REQUEST_TIMEOUT_MSEC": "10000"}


@contextlib.contextmanager
def bucket_of(path):
    """Gives tf.io.gfile for a path in a bucket; within it, TensorFlow's errors become OSErrors that name the path.

    Raises:
      OSError: the bucket's server does not answer within SECONDS, refuses the credentials or has no such bucket.
    """
    scheme, _, rest = str(path).partition("://")
    import tensorflow as tf  # not before a bucket is named: it takes seconds to load

    refusals = tf.errors.PermissionDeniedError, tf.errors.UnauthenticatedError
    try:
        _check_bucket(scheme, rest.partition("/")[0])
        yield tf.io.gfile
    except tf.errors.OpError as error:
        if scheme == "s3" and isinstance(error, tf.errors.NotFoundError):
            _check_bucket.__wrapped__(
                scheme, rest.partition("/")[0]
            )  # or has the server gone since, or the bucket?
        number = errno.EACCES if isinstance(error, refusals) else errno.EIO
        number = errno.ENOENT if isinstance(error, tf.errors.NotFoundError) else number
        reason = short_message(error, 300) or type(error).__name__
        raise OSError(number, reason, str(path)) from None


@functools.cache
def _check_bucket(scheme, bucket):
    import tensorflow as tf

    root = f"{scheme}://{bucket}/"
    if scheme == "s3":
        for name, value in LIMITS.items():
            os.environ.setdefault(name, value)
        if os.environ.get("S3_ENDPOINT"):
            os.environ["S3_ENDPOINT"] = _server(
                scheme
            )  # tensorflow-io 0.36 passes S3_USE_HTTPS over and takes https
        if os.environ.get("AWS_ACCESS_KEY_ID") or _problem_of(
            METADATA
        ):  # which the client would ask without end
            os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
        import tensorflow_io  # noqa: F401  (TensorFlow knows s3:// from then on)
    problem = _problem_of(_server(scheme))
    if problem:
        advice = (
            "see S3_ENDPOINT and AWS_REGION" if scheme == "s3" else "is this machine connected?"
        )
        raise OSError(errno.EIO, f"{_server(scheme)} does not answer ({problem}); {advice}", root)
    if tf.io.gfile.isdir(root):
        return
    try:
        tf.io.gfile.GFile(f"{root}-", "rb").read(
            1
        )  # the one question whose answer tells "refused" from "not there"
    except tf.errors.PermissionDeniedError:
        raise PermissionError(
            errno.EACCES,
            f"{_server(scheme)} refuses these credentials, or to list the bucket with them; "
            "see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION",
            root,
        ) from None
    except tf.errors.OpError:
        pass
    raise OSError(errno.EIO, f"no such bucket at {_server(scheme)}", root)


def _server(scheme):
    """Returns the address of the server of all buckets."""
    if scheme == "gs":
        return "https://storage.googleapis.com"
    address = (
        os.environ.get("S3_ENDPOINT")
        or f"s3.{os.environ.get('AWS_REGION', 'us-east-1')}.amazonaws.com"
    )
    is_plain = os.environ.get("S3_USE_HTTPS", "1") in ("0", "false")
    return address if "://" in address else f"{'http' if is_plain else 'https'}://{address}"


def _problem_of(server):
    """Returns why a server does not answer within SECONDS, or ""; what it answers does not matter here."""
    try:
        url = urlsplit(server)
        if url.scheme == "https":
            connection = http.client.HTTPSConnection(
                url.netloc, timeout=SECONDS, context=ssl._create_unverified_context()
            )
        else:
            connection = http.client.HTTPConnection(url.netloc, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request("HEAD", "/")
            connection.getresponse()
    except http.client.InvalidURL as error:
        return str(error)
    except http.client.HTTPException:  # an answer, if a strange one
        pass
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""
