import json

import cv2
import numpy as np
import tensorflow as tf


def test_it_answers_like_the_saved_model(script, trained, predictor, crops):
    done = script("export.py", "--model-dir", trained[0], "--format", "tflite")
    path = trained[0] / "tflite/model.tflite"
    assert done.stdout == f"exported: {path}\n"
    pictures = [cv2.imread(str(path))[..., ::-1] for path in sorted((crops / "crop").rglob("*.jpg"))[:20]]
    expected = predictor.predict_images(pictures)
    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    (image,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    assert (image["name"], image["shape"].tolist(), image["dtype"]) == ("image", [1, 32, 32, 3], np.float32)
    assert {output["name"] for output in outputs} == set(expected)
    answers = {name: [] for name in expected}
    for picture in pictures:
        interpreter.set_tensor(image["index"], picture[np.newaxis].astype(np.float32))
        interpreter.invoke()
        for output in outputs:
            answers[output["name"]].append(interpreter.get_tensor(output["index"])[0])
    np.testing.assert_allclose(answers["age"], expected["age"], atol=0.1)
    # A barely trained model's ages differ by hundredths of a year: they must differ in the same way.
    assert np.corrcoef(answers["age"], expected["age"])[0, 1] > 0.99
    np.testing.assert_allclose(answers["gender_probabilities"], expected["gender_probabilities"], atol=0.01)
    sizes = [each.stat().st_size for each in (path, *trained[0].glob("serving/*/variables/variables.data*"))]
    assert sizes[0] < 0.6 * sizes[1]  # 16 bits of 32
    assert json.loads((trained[0] / "tflite/model.json").read_text()) == predictor.description
