"""A task that LABELS declares appears in every output, and predict/ needs no TensorFlow."""

import pkgutil
import subprocess
import sys

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
NO_TENSORFLOW = """
import importlib
import sys

sys.modules.update(dict.fromkeys(("tensorflow", "mtcnn", "keras")))  # importing these raises
for name in sys.argv[1:]:
    importlib.import_module(f"age_gender_estimation.predict.{name}")
"""


def run_python(code, *arguments):
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
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


def test_every_module_can_be_imported_without_tensorflow():
    modules = [module.name for module in pkgutil.iter_modules(predict.__path__)]
    assert "predictor" in modules
    run_python(NO_TENSORFLOW, *modules)
