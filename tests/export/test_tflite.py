import json

import numpy as np
import tensorflow as tf

from age_gender_estimation.datasets.synthetic import draw_face


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
