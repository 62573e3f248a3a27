"""Damaged pictures, .mat and CSV files through preprocess, the reading of manifests, and predict: make fuzz.

Each round damages real files at random and runs a script on them as a user does. It fails on an exit code that is not 0
or 1, on a traceback, on more than LIMIT seconds (a hang), and on anything written outside the output folder. The round's
seed is printed then, and `FUZZ_SEED=... FUZZ_ROUNDS=1 make fuzz` runs it again; FUZZ_SECONDS is the time in all.
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

ROOT = pathlib.Path(__file__).resolve().parent.parent

import numpy as np
from PIL import Image

from age_gender_estimation.cli.main import main as age_gender
from age_gender_estimation.datasets.synthetic import draw_face, write_synthetic_imdb

LIMIT = int(os.environ.get("FUZZ_LIMIT", 300))  # seconds for a round; a busy machine takes 20
MIME = ("jpg", "png", "gif", "bmp", "tiff", "webp")
MANIFEST = (
    'filename,age,gender,race\n{0}.jpg,3,1,\n"a, ""b"".jpg",,0,4\nc/d.png,116,,2\n{0}.gif,20,1,0\n'
)
PIECES = (
    b"\0",
    b'"',
    b"\n",
    b"\r",
    b",",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"0" * 200_000,
)


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
        elif kind == 4:
            piece = dice.randbytes(dice.randrange(1, 9))
            data[place : place + len(piece)] = piece
        else:
            piece = dice.choice(PIECES[:-1])
            data[place : place + len(piece)] = piece
    return bytes(data)


def pictures(dice):
    """Returns {ending: bytes} of a drawn face in every format, whole."""
    face = Image.fromarray(
        draw_face(
            dice.randrange(90), dice.randrange(2), np.random.default_rng(dice.randrange(9)), 80
        )
    )
    files = {}
    for ending in MIME:
        file = io.BytesIO()
        options = {"progressive": dice.random() < 0.5} if ending == "jpg" else {}
        face.save(file, {"jpg": "JPEG"}.get(ending, ending.upper()), **options)
        files[ending] = file.getvalue()
    return files


def write_pictures(folder, dice, number):
    """Writes damaged pictures, some of them of a wrong ending, and one that is whole; returns their names."""
    names, whole = ["30_0_1_whole.jpg"], [pictures(dice) for _ in range(3)]
    (folder / names[0]).write_bytes(whole[0]["jpg"])
    for index in range(number):
        ending, data = dice.choice(list(dice.choice(whole).items()))
        text = dice.choice(("x", "\u00e4", "= ", chr(27) + "[2J", chr(10)))
        names.append(f"{index}_1_2_{text}.{dice.choice(MIME + (ending,) * 6)}")
        (folder / names[-1]).write_bytes(damage(data, dice))
    return names


def preprocess_pictures(folder, dice):
    write_pictures(folder / "in", dice, 300)
    return ["preprocess_utkface.py", "--photo-dir", "in", "--split-ratio", "1"]


def preprocess_mat(folder, dice):
    write_synthetic_imdb(str(folder / "in"), 8, seed=dice.randrange(100), size=24)
    path = folder / "in" / "imdb.mat"
    path.write_bytes(damage(path.read_bytes(), dice))
    return ["preprocess_imdb.py", "--photo-dir", "in", "--db-path", "in/imdb.mat"]


def preprocess_csv(folder, dice):
    names = write_pictures(folder / "in", dice, 3)
    text = MANIFEST.replace("{0}.jpg", names[0]).replace("{0}.gif", "=cmd|.png").encode()
    (folder / "in" / "faces.csv").write_bytes(damage(text, dice))
    return ["preprocess_csv.py", "--photo-dir", "in", "--csv", "in/faces.csv", "--split-ratio", "1"]


def report_manifest(folder, dice):
    for name in ("0.jpg", "0.gif", 'a, "b".jpg', "c/d.png"):
        (folder / "in" / name).parent.mkdir(exist_ok=True)
        (folder / "in" / name).write_bytes(
            damage(pictures(dice)["png"], dice) if dice.random() < 0.5 else b""
        )
    (folder / "in" / "m.csv").write_bytes(damage(MANIFEST.replace("{0}", "0").encode(), dice))
    return ["report_data.py", "--csv", "in/m.csv", "--img-dir", "in"]


def predict(folder, dice):
    names = write_pictures(folder / "in", dice, 40)
    arguments = [
        "predict.py",
        "--image-path",
        "in",
        "--format",
        dice.choice(("text", "csv", "json")),
    ]
    if dice.random() < 0.5:
        (folder / "m.csv").write_bytes(damage(MANIFEST.replace("{0}.jpg", names[0]).encode(), dice))
        arguments += ["--csv", "m.csv"]
    return [*arguments, "--face-detector", dice.choice(("mtcnn", "none"))]


TARGETS = (preprocess_pictures, preprocess_mat, preprocess_csv, report_manifest, predict)


def tree(folder, without):
    """Returns {path: digest} of what is under a folder, but for what is under `without`."""
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in folder.rglob("*")
        if not path.is_relative_to(without)
    }


def run(arguments, folder):
    """Runs a script; returns (exit code, what it wrote to standard error). predict runs here: TensorFlow takes seconds."""
    output = (
        ["--draw", "out/drawn", "--output", "out/answers"]
        if arguments[0] == "predict.py"
        else ["--output-dir", "out"]
    )
    if arguments[0] != "predict.py":
        workers = ["--workers", "1"] if arguments[0].startswith("preprocess") else []
        command = [
            sys.executable,
            str(ROOT / "bin" / arguments[0]),
            *arguments[1:],
            *output,
            *workers,
        ]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=LIMIT
        )
        return done.returncode, done.stderr
    errors, before = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace"),
        (sys.argv, os.getcwd()),
    )
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    (folder / "out").mkdir()
    try:
        sys.argv, code = [*arguments, *output], 0
        os.chdir(folder)
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(out):
            age_gender(["predict", *sys.argv[1:]])
    except SystemExit as end:
        code = end.code
    except Exception:
        return 1, traceback.format_exc()
    finally:
        sys.argv = before[0]
        os.chdir(before[1])
    errors.flush()
    return code, errors.buffer.getvalue().decode()


def problem_of(target, seed, folder):
    """Runs a round; returns what went wrong, or ""."""
    (folder / "in").mkdir()
    arguments = target(folder, random.Random(seed))
    before = tree(folder, folder / "out")
    code, errors = run(arguments, folder)
    if code not in (0, 1) or "Traceback" in errors:
        return f"exit code {code}: {errors[-3000:]}"
    if code and arguments[0] != "predict.py" and errors.count("error: ") != 1:
        return f"expected one line of error: {errors[-3000:]}"
    return "" if tree(folder, folder / "out") == before else "wrote outside the output folder"


def main():
    first, rounds = (
        int(os.environ.get("FUZZ_SEED", time.time())),
        int(os.environ.get("FUZZ_ROUNDS", 10**9)),
    )
    names = os.environ.get("FUZZ_TARGETS", ",".join(target.__name__ for target in TARGETS)).split(
        ","
    )
    end, counts, failures = (
        time.monotonic() + float(os.environ.get("FUZZ_SECONDS", 60)),
        dict.fromkeys(names, 0),
        0,
    )

    def too_long(*_):
        raise TimeoutError(f"a hang: more than {LIMIT} s")

    signal.signal(signal.SIGALRM, too_long)
    print(f"first seed {first}", flush=True)
    for seed in range(first, first + rounds):
        for target in (target for target in TARGETS if target.__name__ in names):
            if time.monotonic() > end:
                break
            signal.alarm(LIMIT)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    problem = problem_of(target, seed, pathlib.Path(folder))
                except (TimeoutError, subprocess.TimeoutExpired) as error:
                    problem = str(error)
            signal.alarm(0)
            counts[target.__name__] += 1
            if problem:
                failures += 1
                print(f"FUZZ_SEED={seed} FUZZ_TARGETS={target.__name__}: {problem}", flush=True)
        if time.monotonic() > end:
            break
    print(f"rounds: {counts}; failures: {failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
