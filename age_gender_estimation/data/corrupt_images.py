"""Which image stopped a training or an evaluation: TensorFlow says that a batch failed, and names
no file."""

from collections.abc import Callable, Iterable

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage import filesystem


def find_corrupt_image(
    paths: Iterable[str], decode: Callable[[bytes], object] | None = None
) -> str | None:
    """Returns a sentence about the first image that cannot be read or decoded, or None.

    Args:
      paths: the images.
      decode: raises InputError for bytes that it cannot decode; decodes as training does if None.
    """
    for path in paths:
        try:
            (decode or _decode)(filesystem.read_bytes(path))
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"
        except InputError:
            return f"{path} cannot be decoded, preprocess again"
    return None


def _decode(content):
    import tensorflow as tf

    from age_gender_estimation.data.images import decode

    try:
        decode(tf.constant(content))
    except tf.errors.OpError as error:
        raise InputError(error.message) from None
