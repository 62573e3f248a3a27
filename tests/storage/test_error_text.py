"""The text of errors, mostly of a full disk, as Python and TensorFlow report it."""

import errno
import os

import pytest
import tensorflow as tf

from age_gender_estimation.storage.error_text import (
    add_filename,
    find_full_disk,
    format_os_error,
    short_message,
)


def test_a_failed_write_says_which_file_and_what_to_do():
    with (
        pytest.raises(OSError) as caught,
        add_filename("a/list.csv"),
        open("/dev/full", "wb", buffering=0) as file,
    ):
        file.write(b"x")
    assert (
        format_os_error(caught.value)
        == "a/list.csv: No space left on device; make room and start again"
    )


def test_errors_that_know_their_file_and_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, add_filename("a/list.csv"):
        open(tmp_path / "nowhere")
    assert format_os_error(caught.value) == f"{tmp_path}/nowhere: No such file or directory"
    with pytest.raises(OSError, match="encoder error"), add_filename("a/list.csv"):
        raise OSError("encoder error")


def test_the_reason_stands_before_the_calls_that_built_the_operation():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        wrong = tf.reshape(tf.compat.v1.placeholder(tf.float32), [2, 3], name="wrong")
        with pytest.raises(tf.errors.InvalidArgumentError) as caught:
            session.run(wrong, {"Placeholder:0": [1.0]})
    assert caught.value.message.startswith("Graph execution error:")
    assert short_message(caught.value).startswith(
        "Input to reshape is a tensor with 1 values, but the requested shape has 6"
    )
    assert (
        short_message(ValueError("no\n  \x1b[2J file")) == "no \\x1b[2J file"
        and len(short_message(ValueError("a" * 999))) == 200
    )


def test_tensorflow_on_a_full_disk(tmp_path):
    os.symlink("/dev/full", tmp_path / "records")
    with pytest.raises(tf.errors.ResourceExhaustedError) as caught:
        with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
            writer.write(b"x")
    line = f"{tmp_path}/records: No space left on device; make room and start again"
    assert find_full_disk(caught.value.message) == line
    # The message of a checkpoint that could not be written, see tests/cli/test_full_disk.py.
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        message = f"Node: 'save/SaveV2'\nm/0.data.tempstate65; {os.strerror(number)}\n\t [[x]]"
        assert find_full_disk(message).startswith(f"m/0.data: {os.strerror(number)}; ")
    assert find_full_disk("OOM when allocating tensor with shape[1]\n\t [[x]]") is None
