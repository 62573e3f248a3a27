"""A task that LABELS declares is preprocessed, trained, measured and shown."""

import json
import os
import pkgutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from age_gender_estimation import predict
from tests.conftest import ROOT

FOURTH_TASK = """
from age_gender_estimation.tasks.labels import LABELS, Label

LABELS["glasses"] = Label("glasses", 1, ("no", "yes"), ("no glasses", "glasses"))

import numpy as np

from age_gender_estimation.predict.output import write_records
from age_gender_estimation.predict.photos import predict_image
from age_gender_estimation.service.cards import result_html
from age_gender_estimation.service.photo_result import PhotoResult


class Predictor:
    crop_size = 16
    labels = LABELS

    def predict_images(self, images):
        return {}

    def predictions(self, outputs):
        found = {name: ([1], [0.98]) for name in LABELS if name != "age"}
        return {"age": ([46.4], None), **found}


image = np.zeros((16, 16, 3), np.uint8)
records = predict_image(Predictor(), image, "x.jpg", is_crop=True)
for style in ("text", "json", "csv"):
    write_records([(records[0], {"glasses": 0})], style, False, lambda text: print(text, end=""))
print(result_html(PhotoResult(records, image)))
"""
PIPELINE = """
import sys

from age_gender_estimation.tasks.labels import LABELS, Label

LABELS["glasses"] = Label("glasses", 1, ("no", "yes"), ("no glasses", "glasses"))

from age_gender_estimation.cli.main import execute


def run(line):
    assert execute(line.split()) == 0, line


run("preprocess csv --csv labels.csv --photo-dir in --output-dir out --img-size 32 --workers 1")
run("train --img-dir out/crop --train-csv out/train.csv --val-csv out/val.csv --model-dir model"
    " --img-size 32 --backbone cnn --head-units 8 --batch-size 4 --num-steps 2 --eval-steps 2")
run("evaluate --model-dir model --csv out/val.csv --img-dir out/crop")
run("report --csv out/train.csv --img-dir out/crop --output-dir report")
run("predict --image-path out/crop/0.jpg --model-dir model")
"""
NO_TENSORFLOW = """
import importlib
import sys

sys.modules.update(dict.fromkeys(("tensorflow", "mtcnn", "keras")))  # importing these raises
for name in sys.argv[1:]:
    importlib.import_module(f"age_gender_estimation.predict.{name}")
"""


def run_python(code, *arguments, cwd=ROOT):
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_fourth_task_appears_in_text_json_csv_and_cards():
    text, rest = run_python(FOURTH_TASK).split("\n", 1)
    assert text == "Predicted: M/46 Black 0.98 glasses 0.98 Actual: no glasses"
    assert '"glasses": "yes", "glasses_confidence": 0.98' in rest
    assert '"actual_glasses": "no"' in rest
    assert "race,race_confidence,glasses,glasses_confidence,actual_age," in rest
    assert ",Black,0.98,yes,0.98,,,,no,," in rest
    assert '<span class="name">glasses</span> <b>yes</b>' in rest


@pytest.mark.slow
def test_a_fourth_task_goes_from_a_csv_to_tables_report_and_prediction(tmp_path):
    (tmp_path / "in").mkdir()
    lines, noise = ["filename,gender,glasses,split"], np.random.default_rng(0)
    for number in range(16):
        image = noise.integers(0, 255, (32, 32, 3), np.uint8)
        cv2.imwrite(str(tmp_path / f"in/{number}.jpg"), image)
        split = "val" if number % 4 == 0 else "train"
        lines.append(f"{number}.jpg,{number % 2},{('no', 'yes')[number // 2 % 2]},{split}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    printed = run_python(PIPELINE, cwd=tmp_path)
    assert (tmp_path / "out/val.csv").read_text().startswith("filename,age,gender,glasses\n")
    assert "| glasses accuracy " in printed and "| by glasses " in printed
    assert "labelled: age 0, gender 12, race 0, glasses 12" in printed
    counts = json.loads((tmp_path / "report/report.json").read_text())["total"]["glasses"]
    assert counts == {"no": 4, "yes": 8, "unlabelled": 0}
    assert "<th>yes</th>" in (tmp_path / "report/report.html").read_text().replace(
        " class=number", ""
    )
    assert "glasses 0." in printed.splitlines()[-1] and "Actual: " in printed.splitlines()[-1]


def test_every_module_can_be_imported_without_tensorflow():
    modules = [module.name for module in pkgutil.iter_modules(predict.__path__)]
    assert "predictor" in modules
    run_python(NO_TENSORFLOW, *modules)
