"""A small study as a user runs it: real trainings, one of which fails."""

import csv
import json
import re
import shutil

import pytest

STUDY = """
title: Two rates
settings: {backbone: cnn, img_size: 32, batch_size: 8, num_steps: 4, eval_steps: 2,
           tasks: "age,gender", ema: 0.9, age_encoding: "groups:0-40,41-116", flip_average: true,
           head_units: [16, 8], dropout: 0.1, weight_decay: 0.01, loss_weights: "age=2",
           freeze_steps: 1, warmup_steps: 2, clip_norm: 5.0, age_balance: 0.5}
grid:
  learning_rate: [0.001, 1.0e+30]
  sources: ["faces+more:gender"]
test: [faces]
"""


@pytest.fixture(scope="module")
def data(crops, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.yaml").write_text(STUDY)
    for source in ("faces", "more"):
        (folder / source).mkdir()
        (folder / source / "crop").symlink_to(crops / "crop")
        for split, name in (("train", "train"), ("val", "val"), ("test", "val")):
            shutil.copy(crops / f"{name}.csv", folder / source / f"{split}.csv")
    shutil.copytree(folder / "faces", folder / "blank", symlinks=True)
    names = [line.split(",")[0] for line in (crops / "val.csv").read_text().splitlines()]
    (folder / "blank/test.csv").write_text(
        "\n".join([f"{names[0]},gender", *(f"{name}," for name in names[1:])])
    )
    return folder


@pytest.fixture(scope="module")
def first_run(data):
    from tests.conftest import run_script

    return run_script(
        "run_study.py",
        data / "study.yaml",
        "--data-dir",
        data,
        "--output-dir",
        data / "out",
        check=False,
    )


def rows(data):
    with open(data / "out/results.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_finished_runs_have_metrics_and_failed_ones_a_reason(first_run, data):
    assert first_run.returncode == 1 and "1 of 2 runs finished" in first_run.stdout
    good, bad = rows(data)
    assert (
        good["learning_rate"] == "0.001"
        and 0 <= float(good["age_group_accuracy"]) <= 1
        and not good["error"]
    )
    assert "the loss became NaN" in bad["error"] and bad["age_group_accuracy"] == ""
    assert "the loss became NaN" in (data / "out/study.html").read_text()
    assert "0.001" in (data / "out/results.md").read_text()


@pytest.mark.slow
def test_the_exported_averages_and_mirrored_answers_are_those_that_training_evaluated(
    first_run, data
):
    """Training measured the Estimator, evaluate the SavedModel, both on the same images."""
    folder = data / "out/runs/learning_rate=0.001 sources=faces+more:gender"
    report = json.loads((folder / "evaluation/evaluation.json").read_text())
    history = json.loads((folder / "model/eval.json").read_text())
    best = next(entry for entry in history["evaluations"] if entry["step"] == history["best_step"])
    # `more` gives the genders of the same faces again, and no ages.
    assert report["age_group"]["accuracy"]["value"] == pytest.approx(best["age_group_accuracy"])
    assert report["gender"]["accuracy"]["value"] == pytest.approx(best["gender_accuracy"])


@pytest.mark.slow
def test_its_models_answer_with_a_range_of_years(first_run, data, script):
    picture = next((data / "faces/crop").rglob("*.jpg"))
    model = data / "out/runs/learning_rate=0.001 sources=faces+more:gender/model"
    done = script(
        "predict.py", "--model-dir", model, "--image-path", picture, "--face-detector", "none"
    )
    assert done.stdout.split(" Actual")[0] in {
        f"Predicted: {sex}/{ages}" for sex in "MF" for ages in ("0-40", "41-116")
    }


@pytest.mark.slow
def test_started_again_it_skips_what_is_finished(first_run, data, script):
    result = (
        data / "out/runs/learning_rate=0.001 sources=faces+more:gender/evaluation/evaluation.json"
    )
    written, before = result.stat().st_mtime_ns, rows(data)
    again = script(
        "run_study.py",
        data / "study.yaml",
        "--data-dir",
        data,
        "--output-dir",
        data / "out",
        check=False,
    )
    assert "2 runs, 1 finished before" in again.stderr and again.returncode == 1
    assert result.stat().st_mtime_ns == written and rows(data) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "old, new, message",
    [
        ("4, eval", "5, eval", "was made from another study"),
        ("0-40,41-116", "0-40,40-116", "do not overlap, got 0-40 before 40-116"),
        ("faces+more", "faces+other", "other"),
        ("age,gender", "age,race", "no label of race to learn from"),
        (
            "test: [faces]",
            "test: [blank]",
            "the test manifests of blank label none of its tasks, age, gender",
        ),
    ],
)
def test_what_cannot_run_is_refused_before_anything_trains(
    first_run, data, script, old, new, message
):
    (data / "other.yaml").write_text(STUDY.replace(old, new))
    out = data / "out" if "study" in message else data / "new"
    done = script(
        "run_study.py", data / "other.yaml", "--data-dir", data, "--output-dir", out, check=False
    )
    assert (
        done.returncode in (1, 2)
        and done.stderr.startswith("error: ")
        and done.stderr.count("\n") == 1
    )
    assert re.search(message, done.stderr)
    assert not (data / "new").exists()
