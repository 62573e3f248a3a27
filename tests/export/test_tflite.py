import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

from age_gender_estimation.datasets.synthetic import draw_face
from age_gender_estimation.errors import InputError
from age_gender_estimation.export import tflite
from age_gender_estimation.export.check import drawn_images


def test_it_answers_like_the_saved_model_on_200_crops(script, trained, predictor):
    done = script("export.py", "--model-dir", trained[0], "--format", "tflite")
    path = trained[0] / "tflite/model.tflite"
    assert done.stdout == f"exported: {path}\n"
    generator = np.random.default_rng(0)
    crops = [
        draw_face(int(generator.integers(91)), index % 2, generator, 32) for index in range(200)
    ]
    expected = predictor.predict_images(crops)
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    (image,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["name"], image["shape"].tolist(), image["dtype"]) == (
        "image",
        [1, 32, 32, 3],
        np.float32,
    )
    assert {output["name"] for output in outputs} == set(expected)
    answers = {name: [] for name in expected}
    for crop in crops:
        interpreter.set_tensor(image["index"], crop[np.newaxis].astype(np.float32))
        interpreter.invoke()
        for output in outputs:
            answers[output["name"]].append(interpreter.get_tensor(output["index"])[0])
    for name, values in expected.items():
        # Whole years (a median) may fall on the other side of a step; all else moves very little.
        is_stepwise = name != "age" and "probabilit" not in name
        atol = 0.1 if name == "age" else 1.0 if is_stepwise else 0.01
        np.testing.assert_allclose(answers[name], values, atol=atol, err_msg=name)
        assert not is_stepwise or np.mean(np.array(answers[name]) == values) > 0.95
    # The ages of a barely trained model differ by hundredths of a year, and in the same way.
    assert np.corrcoef(answers["age"], expected["age"])[0, 1] > 0.99
    sizes = [
        each.stat().st_size
        for each in (path, *trained[0].glob("serving/*/variables/variables.data*"))
    ]
    assert sizes[0] < 0.6 * sizes[1]  # 16 bits of 32
    assert json.loads((trained[0] / "tflite/model.json").read_text()) == predictor.description


def test_an_export_gives_8_bits_and_what_they_cost(script, predictor, crops, tmp_path):
    shutil.copytree(predictor.path, tmp_path / "export")
    arguments = ["--model-dir", tmp_path / "export", "--format", "tflite", "--int8"]
    done = script("export.py", *arguments, "--img-dir", crops / "crop")
    path = tmp_path / "export/tflite/model-int8.tflite"
    num_faces = len(list((crops / "crop").rglob("*.jpg"))) // 2
    pattern = rf"exported: (.*); mean difference on {num_faces} faces: age (.*) years, gender .*\n"
    printed, years = re.fullmatch(pattern, done.stdout).groups()
    assert printed == str(path) and 0 < float(years) < 10
    content = tflite.convert(predictor.path)
    assert path.stat().st_size < 0.7 * len(content)  # 8 bits of 16
    details = tf.lite.Interpreter(str(path)).get_tensor_details()
    assert sum(each["dtype"] == np.int8 for each in details) > 5  # activations too
    done = script("export.py", *arguments, check=False)
    assert done.returncode == 2 and "and faces in --img-dir" in done.stderr
    done = script("export.py", *arguments, "--img-dir", tmp_path / "none", check=False)
    assert done.returncode == 1 and "none: expected a folder with face crops" in done.stderr


def test_the_loss_of_8_bits_by_hand():
    expected = {
        "age": np.array([20.0, 30.0]),
        "gender_probabilities": np.array([[0.4, 0.6], [0.7, 0.3]]),
    }
    actual = {
        "age": np.array([21.0, 30.5]),
        "gender_probabilities": np.array([[0.6, 0.4], [0.7, 0.3]]),
    }
    shown = "mean difference on 2 faces: age 0.75 years, gender 50.0% other"
    assert tflite.show_loss(expected, actual) == shown


def test_a_model_that_deviates_is_not_written(predictor, monkeypatch, tmp_path):
    answer = tflite.predict_tflite

    def wrong(content, images):
        answers = answer(content, images)
        answers["gender_probabilities"][3, 1] = np.nan
        return answers

    monkeypatch.setattr(tflite, "predict_tflite", wrong)
    with pytest.raises(InputError, match="model.tflite is not written: .*gender_probabilities by "):
        tflite.export_tflite(predictor.path, str(tmp_path / "tflite"), drawn_images(32))
    assert list(tmp_path.iterdir()) == []
