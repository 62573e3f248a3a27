"""Preprocessing: what is kept, people stay in one split, and killed runs can be repeated."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import cv2
import pytest

from age_gender_estimation.data.crops import crop_name, safe_relative_path
from age_gender_estimation.data.preprocess import preprocess
from age_gender_estimation.data.preprocess_settings import PreprocessSettings
from age_gender_estimation.data.split_writer import Dropped
from age_gender_estimation.datasets.csv_file import read_labelled_csv
from age_gender_estimation.datasets.example import Example, Filters
from age_gender_estimation.datasets.synthetic import write_synthetic_imdb
from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import MAX_BYTES, encode_jpeg
from age_gender_estimation.tasks.labels import LABELS, Label
from tests.conftest import ROOT

SETTINGS = PreprocessSettings("imdb_wiki", Filters(), img_size=24, split_ratio=0.5)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_image(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_jpeg(image))


def run(folder, examples, photos="in", out="out"):
    """Preprocesses FOLDER/in to FOLDER/out; returns the summary."""
    return preprocess(lambda: examples, folder / photos, str(folder / out), SETTINGS, workers=1)


def listed(folder, *splits):
    """Returns the names in the manifests of FOLDER/out, sorted."""
    names = (read_labelled_csv(folder / f"out/{split}.csv").filenames for split in splits)
    return sorted(sum(names, []))


def test_sample_is_kept_dropped_and_labelled_as_drawn(sample, crops):
    _, labels, dropped = sample
    summary = json.loads((crops / "preprocess.json").read_text())
    assert summary["kept"] == len(labels) and summary["dropped"] == dropped
    found = {}
    for split in ("train", "val"):
        table = read_labelled_csv(crops / f"{split}.csv")
        found.update({name: table.labels_of(index) for index, name in enumerate(table.filenames)})
        assert summary["rows"][split] == len(table.filenames) > 0
    assert found == labels
    assert all(cv2.imread(str(crops / "crop" / name)).shape == (32, 32, 3) for name in found)


def test_nobody_is_on_both_sides(crops):
    sides = [
        {name.split("_")[0] for name in read_labelled_csv(crops / f"{split}.csv").filenames}
        for split in ("train", "val")
    ]
    assert sides[0] and sides[1] and not sides[0] & sides[1]


def test_output_does_not_depend_on_workers_or_place_and_holds_no_absolute_path(
    sample, crops, script, tmp_path
):
    script(
        "preprocess_imdb.py",
        "--db-path",
        sample[0] / "imdb.mat",
        "--photo-dir",
        sample[0],
        "--output-dir",
        tmp_path,
        "--img-size",
        32,
        "--workers",
        1,
    )
    assert digests(tmp_path) == digests(crops)
    assert str(crops) not in (crops / "preprocess.json").read_text()


def test_finished_crops_are_kept_and_stale_ones_made_again(noise_image, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in "abcdef":
        write_image(photos / f"{name}.jpg", noise_image)

    def run_with(**changes):
        examples = [Example(f"{name}.jpg", {"age": 1, "gender": 0}, name) for name in "abcdef"]
        settings = PreprocessSettings(**{**SETTINGS.__dict__, **changes})
        preprocess(lambda: examples, photos, str(out), settings, workers=1)
        return {path.name: path.stat().st_mtime_ns for path in (out / "crop").iterdir()}

    first = run_with()
    write_image(photos / "a.jpg", noise_image[::-1])
    (out / "crop" / "b.jpg").unlink()
    second = run_with()
    assert {name for name in first if first[name] != second[name]} == {"a.jpg", "b.jpg"}
    third = run_with(geometry="utkface")
    assert all(second[name] != third[name] for name in second)
    assert all(
        third[name] != mtime for name, mtime in run_with(geometry="utkface", img_size=25).items()
    )


def test_killed_at_random_moments_it_ends_with_the_same_bytes(tmp_path):
    write_synthetic_imdb(str(tmp_path / "photos"), 400, seed=2, size=96)

    def command(out):
        return [
            sys.executable,
            str(ROOT / "bin/preprocess_imdb.py"),
            "--db-path",
            str(tmp_path / "photos/imdb.mat"),
            "--photo-dir",
            str(tmp_path / "photos"),
            "--output-dir",
            str(tmp_path / out),
            "--img-size",
            "64",
            "--workers",
            "2",
        ]

    started = time.monotonic()
    subprocess.run(command("undisturbed"), check=True, capture_output=True)
    whole = time.monotonic() - started
    generator = random.Random(0)
    for _ in range(3):
        process = subprocess.Popen(
            command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(generator.uniform(0.3, 1.0) * whole)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command("killed"), check=True, capture_output=True)
    assert digests(tmp_path / "killed") == digests(tmp_path / "undisturbed")


@pytest.mark.parametrize(
    "path, expected",
    [
        ("25/nm1.jpg", "25/nm1.jpg"),
        ("./a//b.jpg", "a/b.jpg"),
        ("..a/b..jpg", "..a/b..jpg"),
        ("../a.jpg", None),
        ("a/../../b.jpg", None),
        ("/etc/passwd", None),
        ("a\\..\\b.jpg", None),
        ("C:/a.jpg", None),
        ("", None),
        (".", None),
        ("a\0.jpg", None),
    ],
)
def test_safe_paths_stay_inside(path, expected):
    assert safe_relative_path(path) == expected


def test_links_and_paths_that_lead_out_are_unsafe_and_nothing_is_written_outside(
    noise_image, tmp_path
):
    photos = tmp_path / "data" / "photos"
    for name in ("a.jpg", "b.jpg"):
        write_image(photos / name, noise_image)
    write_image(tmp_path / "data" / "outside.jpg", noise_image)
    (photos / "link.jpg").symlink_to(tmp_path / "data" / "outside.jpg")
    before = digests(tmp_path / "data")
    examples = [
        Example(path, {"age": 1, "gender": 0}, path, split)
        for path, split in (
            ("a.jpg", "train"),
            ("b.jpg", "val"),
            ("link.jpg", None),
            ("../outside.jpg", None),
            (str(photos / "a.jpg"), None),
        )
    ]
    summary = run(tmp_path, examples, photos)
    assert summary["kept"] == 2 and summary["dropped"] == {"unsafe_path": 3}
    assert digests(tmp_path / "data") == before and sorted(
        path.name for path in tmp_path.iterdir()
    ) == ["data", "out"]


def test_odd_names_and_bad_files(noise_image, tmp_path):
    names = ["a b.jpg", "c,d.jpg", 'e"f.jpg', "g\nh.jpg", "\u00e4\u6f22.png", "x/y.jpeg"]
    for name in names:
        write_image(tmp_path / "in" / name, noise_image)
    (tmp_path / "in" / "empty.jpg").touch()
    (tmp_path / "in" / "folder.jpg").mkdir()
    whole = encode_jpeg(noise_image)
    (tmp_path / "in" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    examples = [
        Example(name, {"age": 1, "gender": 1, "race": 2}, name, "train" if index else "val")
        for index, name in enumerate(
            [*names, "empty.jpg", "cut.jpg", "folder.jpg", "none.jpg", "a b.jpg"]
        )
    ]
    summary = run(tmp_path, examples)
    assert summary["dropped"] == {"missing_file": 2, "repeated_path": 1, "unreadable_file": 2}
    found = listed(tmp_path, "train", "val")
    assert found == sorted(crop_name(name) for name in names)
    assert all((tmp_path / "out/crop" / name).is_file() for name in found)
    assert (tmp_path / "out/train.csv").read_text().startswith("filename,age,gender,race\n")


def test_equal_content_stays_on_one_side_where_no_person_is_known(noise_image, tmp_path):
    for number in range(40):
        write_image(
            tmp_path / "in" / f"{number}.jpg", noise_image if number < 20 else noise_image + number
        )
    examples = [Example(f"{number}.jpg", {"age": 1, "gender": 1}) for number in range(40)]
    examples[3].split = "val"
    run(tmp_path, examples)
    same = {f"{number}.jpg" for number in range(20)}
    assert same <= set(listed(tmp_path, "val")) and listed(tmp_path, "train")


def test_all_dropped_leaves_earlier_lists_as_they_were(noise_image, tmp_path):
    for name in "ab":
        write_image(tmp_path / "in" / f"{name}.jpg", noise_image)
    labels = {"age": 1, "gender": 0}
    run(tmp_path, [Example("a.jpg", labels, "a", "train"), Example("b.jpg", labels, "b", "val")])
    before = digests(tmp_path / "out")
    with pytest.raises(InputError) as caught:
        run(tmp_path, [Example("x.jpg", labels, "x"), Example("a.jpg", drop="gender")])
    assert str(caught.value) == (
        f"all 2 images were dropped; dropped 1: gender, such as {tmp_path}/in/a.jpg; "
        f"dropped 1: missing_file, such as {tmp_path}/in/x.jpg; "
        f"earlier lists in {tmp_path}/out stay"
    )
    with pytest.raises(InputError, match="1 people leave train or val empty.*; dropped 1: gender"):
        run(tmp_path, [Example("a.jpg", labels, "a"), Example("x\ny.jpg", drop="gender")])
    assert digests(tmp_path / "out") == before


def test_what_people_keep_in_the_output_folder_stays_and_old_lists_go(noise_image, tmp_path):
    for name in "abc":
        write_image(tmp_path / "in" / f"{name}.jpg", noise_image)
    (tmp_path / "out" / "tmp").mkdir(parents=True)
    (tmp_path / "out" / "tmp" / "mine.txt").touch()

    def names_in_out(*splits):
        examples = [
            Example(f"{name}.jpg", {"age": 1, "gender": 0}, name, split)
            for name, split in zip("abc", splits)
        ]
        run(tmp_path, examples)
        return sorted(path.name for path in (tmp_path / "out").iterdir())

    assert names_in_out("train", "val", "test") == [
        "crop",
        "preprocess.json",
        "test.csv",
        "tmp",
        "train.csv",
        "val.csv",
    ]
    # c.jpg is in train.csv now: a test.csv that lists it would leak.
    assert names_in_out("train", "val", "train") == [
        "crop",
        "preprocess.json",
        "tmp",
        "train.csv",
        "val.csv",
    ]
    assert (tmp_path / "out" / "tmp" / "mine.txt").exists()


def test_a_prescribed_split_holds_for_all_pictures_of_the_person(noise_image, tmp_path):
    for number in range(12):
        write_image(tmp_path / "in" / f"{number}.jpg", noise_image)
    splits = {0: "val", 6: "train"}
    people = [
        Example(f"{n}.jpg", {"age": 1, "gender": 0}, "ann" if n < 6 else "bob", splits.get(n))
        for n in range(12)
    ]
    run(tmp_path, people)
    assert listed(tmp_path, "val") == [f"{n}.jpg" for n in range(6)]
    people[1].split = "train"
    with pytest.raises(InputError, match="person 'ann' is in split val and in train"):
        run(tmp_path, people, out="other")
    assert not (tmp_path / "other").exists()  # said before any crop was made


def test_a_name_that_is_no_text_is_dropped(noise_image, tmp_path):
    names = ["a.jpg", "b.jpg", os.fsdecode(b"caf\xe9.jpg")]
    for name in names:
        write_image(tmp_path / "in" / name, noise_image)
    examples = [
        Example(name, {"age": 1, "gender": 0}, name, split)
        for name, split in zip(names, ("train", "val", "val"))
    ]
    summary = run(tmp_path, examples)
    assert summary["kept"] == 2 and summary["dropped"] == {"file_name": 1}
    (line,) = Dropped(summary["dropped"], summary["examples"]).lines("in")
    assert line == r"dropped 1: file_name, such as in/caf\udce9.jpg"


def test_a_list_may_be_for_testing_only(noise_image, tmp_path):
    for name in "ab":
        write_image(tmp_path / "in" / f"{name}.jpg", noise_image)
    labels = {"age": 1, "gender": 0}
    summary = run(tmp_path, [Example(f"{name}.jpg", labels, name, "test") for name in "ab"])
    assert summary["rows"] == {"train": 0, "val": 0, "test": 2}


def test_pictures_are_never_replaced_by_their_crops(noise_image, tmp_path):
    write_image(tmp_path / "crop" / "a.jpg", noise_image)
    before = digests(tmp_path)
    with pytest.raises(InputError, match="the crops would replace the images"):
        run(tmp_path, [Example("a.jpg", {"age": 1})], "crop", ".")
    assert digests(tmp_path) == before
    write_image(tmp_path / "b.jpg", noise_image)
    (tmp_path / "link.jpg").symlink_to("crop/a.jpg")
    names = ["a.jpg", "b.jpg", "crop/a.jpg", "link.jpg"]
    write_image(tmp_path / "a.jpg", noise_image)
    examples = [
        Example(name, {"age": 1}, name, "val" if name == "b.jpg" else "train") for name in names[1:]
    ]
    examples.append(Example("c.jpg", {"age": 1}, "c", "train"))
    write_image(tmp_path / "c.jpg", noise_image)
    summary = run(tmp_path, examples, ".", ".")
    assert summary["kept"] == 2 and summary["dropped"] == {"unsafe_path": 2}
    assert before["crop/a.jpg"] == digests(tmp_path)["crop/a.jpg"]


def test_lists_that_somebody_else_wrote_stay(noise_image, tmp_path, script):
    for name in "ab":
        write_image(tmp_path / f"{name}.jpg", noise_image)
    (tmp_path / "train.csv").write_text(
        "filename,age,person,split\na.jpg,1,a,train\nb.jpg,2,b,val\n"
    )
    before = digests(tmp_path)
    arguments = (
        "preprocess_csv.py",
        "--csv",
        tmp_path / "train.csv",
        "--photo-dir",
        tmp_path,
        "--output-dir",
    )
    done = script(*arguments, tmp_path, check=False)
    assert done.returncode == 2 and "train.csv: the lists would replace it" in done.stderr
    examples = [
        Example("a.jpg", {"age": 1}, "a", "train"),
        Example("b.jpg", {"age": 1}, "b", "val"),
    ]
    with pytest.raises(
        InputError, match="train.csv would be replaced, but preprocessing did not write it"
    ):
        run(tmp_path, examples, ".", ".")
    assert digests(tmp_path) == before
    script(*arguments, tmp_path / "out")


def test_pipes_huge_files_and_folder_links_are_dropped_by_reason(noise_image, tmp_path):
    for name in ("a.jpg", "b.jpg"):
        write_image(tmp_path / "in" / name, noise_image)
    os.mkfifo(tmp_path / "in/pipe.jpg")
    (tmp_path / "in/large.jpg").touch()
    os.truncate(tmp_path / "in/large.jpg", MAX_BYTES + 1)
    (tmp_path / "in/up").symlink_to("..")
    (tmp_path / "in/same").symlink_to(".")
    kept = ["a.jpg", "b.jpg", "same/a.jpg", "up/in/a.jpg"]
    dropped = ["pipe.jpg", "large.jpg", "up/x.jpg", "y" * 5000]
    examples = [
        Example(name, {"age": 1, "gender": 1}, name, "val" if name == "b.jpg" else "train")
        for name in kept + dropped
    ]
    summary = run(tmp_path, examples)
    assert summary["dropped"] == {"missing_file": 2, "unreadable_file": 1, "unsafe_path": 1}
    found = listed(tmp_path, "train", "val")
    assert found == sorted(kept) and not list(tmp_path.glob("*.jpg"))


def test_a_crop_that_cannot_be_written_is_one_line_with_its_name(noise_image, tmp_path):
    write_image(tmp_path / "in/a.jpg", noise_image)
    (tmp_path / "out/crop/a.jpg").mkdir(parents=True)
    with pytest.raises(IsADirectoryError) as caught:
        run(tmp_path, [Example("a.jpg", {"age": 1})])
    assert caught.value.filename == str(tmp_path / "out/crop/a.jpg")


def test_a_new_task_gets_a_column(noise_image, tmp_path, monkeypatch):
    monkeypatch.setitem(LABELS, "glasses", Label("glasses", 1, ("no", "yes"), ("no", "yes")))
    for name in "ab":
        write_image(tmp_path / f"in/{name}.jpg", noise_image)
    examples = [
        Example("a.jpg", {"age": 30, "glasses": 1}, "a", "train"),
        Example("b.jpg", {"age": 40}, "b", "val"),
    ]
    run(tmp_path, examples)
    lists = [(tmp_path / f"out/{split}.csv").read_text() for split in ("train", "val")]
    header = "filename,age,gender,glasses\n"
    assert lists == [f"{header}a.jpg,30,,1\n", f"{header}b.jpg,40,,\n"]
