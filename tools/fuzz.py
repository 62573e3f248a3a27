"""Runs commands on damaged files, as a user would: make fuzz.

Each round damages real images, .mat or CSV files at random, and runs preprocess, report or predict
on them. A round fails on an exit code other than 0 or 1, on a traceback, after FUZZ_LIMIT seconds
(300), and if anything is written outside the output folder. The seed of a failed round is printed;
`FUZZ_SEED=... FUZZ_ROUNDS=1 make fuzz` repeats it. FUZZ_SECONDS (60) limits all rounds together,
FUZZ_TARGETS names the targets.
"""

import contextlib
import hashlib
import io
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import numpy as np
from PIL import Image

from age_gender_estimation.cli.main import execute
from age_gender_estimation.cli.run import exit_code_of
from age_gender_estimation.datasets.synthetic import draw_face, write_synthetic_imdb

LIMIT = int(os.environ.get("FUZZ_LIMIT", 300))  # seconds of a round; a busy machine needs 20
FORMATS = ("jpg", "png", "gif", "bmp", "tiff", "webp")
MANIFEST = (
    'filename,age,gender,race\n{0}.jpg,3,1,\n"a, ""b"".jpg",,0,4\nc/d.png,116,,2\n{0}.gif,20,1,0\n'
)
SHORT_PIECES = (b"\0", b'"', b"\n", b"\r", b",", b"\xff\xfe", b"\xef\xbb\xbf")
PIECES = (*SHORT_PIECES, b"\xff" * 4, b"\x7f\xff\xff\xff", b"0" * 200_000)


def damage(data, dice):
    """Returns bytes with flips, cuts, splices and repeated or overwritten parts."""
    data = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        kind, place = dice.randrange(6), dice.randrange(len(data) + 1)
        if dice.random() < 0.5:  # headers are small
            place = min(place, dice.randrange(200))
        other = dice.randrange(len(data) + 1)
        if kind == 0 and place < len(data):
            data[place] ^= 1 << dice.randrange(8)
        elif kind == 1:
            end = len(data) if dice.random() < 0.3 else place + dice.randrange(1, 64)
            del data[place:end]
        elif kind == 2:
            data[place:place] = data[other : other + dice.randrange(1, 4096)]
        elif kind == 3:
            data[place:place] = dice.choice(PIECES)
        else:
            random_bytes = dice.randbytes(dice.randrange(1, 9))
            piece = random_bytes if kind == 4 else dice.choice(PIECES[:-1])
            data[place : place + len(piece)] = piece
    return bytes(data)


def encode_face(dice):
    """Returns {file ending: bytes} of a drawn face in every format."""
    generator = np.random.default_rng(dice.randrange(9))
    face = Image.fromarray(draw_face(dice.randrange(90), dice.randrange(2), generator, 80))
    files = {}
    for ending in FORMATS:
        file = io.BytesIO()
        options = {"progressive": dice.random() < 0.5} if ending == "jpg" else {}
        face.save(file, {"jpg": "JPEG"}.get(ending, ending.upper()), **options)
        files[ending] = file.getvalue()
    return files


def write_images(folder, dice, number):
    """Writes an intact image and damaged ones, some with a wrong ending; returns their names."""
    names, intact = ["30_0_1_whole.jpg"], [encode_face(dice) for _ in range(3)]
    (folder / names[0]).write_bytes(intact[0]["jpg"])
    for index in range(number):
        ending, data = dice.choice(list(dice.choice(intact).items()))
        text = dice.choice(("x", "\u00e4", "= ", chr(27) + "[2J", chr(10)))
        names.append(f"{index}_1_2_{text}.{dice.choice(FORMATS + (ending,) * 6)}")
        (folder / names[-1]).write_bytes(damage(data, dice))
    return names


# A target writes files into FOLDER/in and returns the command that reads them.


def preprocess_images(folder, dice):
    write_images(folder / "in", dice, 300)
    return ["preprocess", "utkface", "--photo-dir", "in", "--split-ratio", "1"]


def preprocess_mat(folder, dice):
    write_synthetic_imdb(str(folder / "in"), 8, seed=dice.randrange(100), size=24)
    path = folder / "in" / "imdb.mat"
    path.write_bytes(damage(path.read_bytes(), dice))
    return ["preprocess", "imdb", "--photo-dir", "in", "--db-path", "in/imdb.mat"]


def preprocess_csv(folder, dice):
    names = write_images(folder / "in", dice, 3)
    text = MANIFEST.replace("{0}.jpg", names[0]).replace("{0}.gif", "=cmd|.png").encode()
    (folder / "in" / "faces.csv").write_bytes(damage(text, dice))
    files = ["--photo-dir", "in", "--csv", "in/faces.csv"]
    return ["preprocess", "csv", *files, "--split-ratio", "1"]


def report_manifest(folder, dice):
    for name in ("0.jpg", "0.gif", 'a, "b".jpg', "c/d.png"):
        (folder / "in" / name).parent.mkdir(exist_ok=True)
        data = damage(encode_face(dice)["png"], dice) if dice.random() < 0.5 else b""
        (folder / "in" / name).write_bytes(data)
    (folder / "in" / "m.csv").write_bytes(damage(MANIFEST.replace("{0}", "0").encode(), dice))
    return ["report", "--csv", "in/m.csv", "--img-dir", "in"]


def predict(folder, dice):
    names = write_images(folder / "in", dice, 40)
    command = ["predict", "--image-path", "in", "--format", dice.choice(("text", "csv", "json"))]
    if dice.random() < 0.5:
        (folder / "m.csv").write_bytes(damage(MANIFEST.replace("{0}.jpg", names[0]).encode(), dice))
        command += ["--csv", "m.csv"]
    return [*command, "--face-detector", dice.choice(("mtcnn", "none"))]


TARGETS = {
    target.__name__: target
    for target in (preprocess_images, preprocess_mat, preprocess_csv, report_manifest, predict)
}


def run(command, folder):
    """Runs a command in a folder; returns its exit code and what it wrote to standard error."""
    if command[0] == "predict":  # in this process: a start of TensorFlow takes seconds
        return run_here([*command, "--draw", "out/drawn", "--output", "out/predictions"], folder)
    workers = ["--workers", "1"] if command[0] == "preprocess" else []
    done = subprocess.run(
        [sys.executable, "-m", "age_gender_estimation", *command, "--output-dir", "out", *workers],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIMIT,
    )
    return done.returncode, done.stderr


def run_here(command, folder):
    (folder / "out").mkdir()
    out, errors = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
            contextlib.chdir(folder),
        ):
            code = exit_code_of(lambda: execute(command))
    except SystemExit as error:  # from argparse
        return error.code, ""
    except Exception:
        return 1, traceback.format_exc()
    errors.flush()
    return code, errors.buffer.getvalue().decode()


def find_problem(target, seed, folder):
    """Runs a round; returns what went wrong, or ""."""
    (folder / "in").mkdir()
    command = target(folder, random.Random(seed))
    before = digests(folder, folder / "out")
    code, errors = run(command, folder)
    if code not in (0, 1) or "Traceback" in errors:
        return f"exit code {code}: {errors[-3000:]}"
    if code and command[0] != "predict" and errors.count("error: ") != 1:
        return f"expected one line of error: {errors[-3000:]}"
    if digests(folder, folder / "out") != before:
        return "wrote outside the output folder"
    return ""


def digests(folder, without):
    """Returns {path: digest} of everything under a folder except what is under `without`."""
    return {
        path.relative_to(folder).as_posix(): path.is_file()
        and hashlib.md5(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if not path.is_relative_to(without)
    }


def fail_on_alarm(*_):
    raise TimeoutError(f"no end within {LIMIT} s")


def main():
    first = int(os.environ.get("FUZZ_SEED", time.time()))
    rounds = int(os.environ.get("FUZZ_ROUNDS", 10**9))
    names = os.environ.get("FUZZ_TARGETS", ",".join(TARGETS)).split(",")
    end = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", 60))
    counts, failures = dict.fromkeys(names, 0), 0
    signal.signal(signal.SIGALRM, fail_on_alarm)
    print(f"first seed {first}", flush=True)
    for seed, name in ((seed, name) for seed in range(first, first + rounds) for name in names):
        if time.monotonic() > end:
            break
        signal.alarm(LIMIT)
        with tempfile.TemporaryDirectory() as folder:
            try:
                problem = find_problem(TARGETS[name], seed, pathlib.Path(folder))
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                problem = str(error)
        signal.alarm(0)
        counts[name] += 1
        if problem:
            failures += 1
            print(f"FUZZ_SEED={seed} FUZZ_TARGETS={name}: {problem}", flush=True)
    print(f"rounds: {counts}; failures: {failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
