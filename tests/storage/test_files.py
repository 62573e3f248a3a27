"""Files that are there whole or not at all."""

import os

import pytest

from age_gender_estimation.storage.files import write_file, write_files


def test_content_is_text_bytes_or_a_function_that_writes(tmp_path):
    write_files(
        {
            tmp_path / "a": "\xe4\r\n",
            tmp_path / "b": b"\0",
            tmp_path / "c": lambda file: file.write(b"c"),
        }
    )
    assert [(tmp_path / name).read_bytes() for name in "abc"] == [b"\xc3\xa4\r\n", b"\0", b"c"]


def test_a_path_that_is_no_utf_8_keeps_its_bytes(tmp_path):
    write_file(tmp_path / "list.html", "l\udce9.csv")
    assert (tmp_path / "list.html").read_bytes() == b"l\xe9.csv"


def test_where_one_of_several_does_not_fit_all_stay_as_they_were(tmp_path):
    for name in "abc":
        write_file(tmp_path / name, "old")
    os.symlink("/dev/full", tmp_path / "b.tmp")  # where b is written first
    with pytest.raises(OSError) as caught:
        write_files({tmp_path / name: "new" for name in "abc"})
    assert caught.value.filename == str(tmp_path / "b")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "old",
        "b": "old",
        "c": "old",
    }


def test_an_error_names_the_file_and_not_its_temporary_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write_file(tmp_path / "nowhere/a", "text")
    assert caught.value.filename == str(tmp_path / "nowhere/a")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_file(tmp_path / "folder", "text")
    assert caught.value.filename == str(tmp_path / "folder")
