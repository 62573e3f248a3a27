"""The time of one image in a new process, of the same image again, and of finding faces."""

import os
import statistics
import subprocess
import sys
import time

from bench.measure import ROOT, alternate, compare, fresh, limit

MODEL = os.path.join(ROOT, "pretrained")
PHOTO = os.path.join(ROOT, "examples", "astronaut.jpg")
CALLS = 100


def measure(rounds, scale):
    """Returns the Rows."""
    calls = max(3, int(CALLS * scale))
    found = alternate(
        {
            "process": run_process,
            "plain": lambda: _wall("bench.predict:run_plain"),
            "stages": lambda: fresh("bench.predict:run_stages", calls=calls),
            "detection": lambda: fresh("bench.predict:run_detection", calls=max(2, calls // 10)),
        },
        rounds,
    )
    stages = {name: [each[name] for each in found["stages"]] for name in found["stages"][0]}
    return [
        compare(
            "one image, whole process, against tf.saved_model.load and a call",
            found["process"],
            found["plain"],
            "s",
            is_time=True,
        ),
        limit("of it: imports", stages["imports"], "s"),
        limit("of it: loading the model", stages["load"], "s"),
        limit("of it: the first prediction", stages["first"], "s"),
        limit(
            "one face crop, warm (the shipped model averages it with its mirror image)",
            stages["warm_ms"],
            "ms",
            25,
        ),
        limit("finding faces in a photo of 1424 x 1024, warm", found["detection"], "s", 0.3),
    ]


def run_process():
    """Returns the seconds of `age-gender predict` for one image, without finding faces."""
    arguments = ["predict", "--image-path", PHOTO, "--face-detector", "none"]
    command = [sys.executable, "-m", "age_gender_estimation", *arguments]
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _wall(function, **arguments):
    start = time.perf_counter()
    fresh(function, **arguments)
    return time.perf_counter() - start


def run_plain():
    """Predicts without this project: tf.saved_model.load, and one call with the file."""
    import tensorflow as tf

    model = tf.saved_model.load(os.path.join(MODEL, "serving", "1"))
    with open(PHOTO, "rb") as file:
        outputs = model.signatures["serving_default"](image_bytes=tf.constant([file.read()]))
    return float(outputs["age"][0])


def run_stages(calls):
    """Returns seconds of "imports", "load" and "first", and median milliseconds "warm_ms"."""
    times = [time.perf_counter()]
    import numpy as np

    from age_gender_estimation.faces.crop import resize_square
    from age_gender_estimation.faces.photo import decode_photo
    from age_gender_estimation.predict.predictor import Predictor

    times.append(time.perf_counter())
    predictor = Predictor(MODEL)
    times.append(time.perf_counter())
    with open(PHOTO, "rb") as file:
        crop = np.ascontiguousarray(resize_square(decode_photo(file.read()), predictor.crop_size))
    predictor.predict_images([crop])
    times.append(time.perf_counter())
    for _ in range(calls):
        predictor.predict_images([crop])
        times.append(time.perf_counter())
    seconds = [later - earlier for earlier, later in zip(times, times[1:])]
    return {
        "imports": seconds[0],
        "load": seconds[1],
        "first": seconds[2],
        "warm_ms": 1000 * statistics.median(seconds[3:]),
    }


def run_detection(calls):
    """Returns the median seconds of finding the face in the example, enlarged to 1424 x 1024."""
    import cv2

    from age_gender_estimation.faces.detector import find_faces
    from age_gender_estimation.faces.photo import decode_photo

    with open(PHOTO, "rb") as file:
        photo = cv2.resize(decode_photo(file.read()), (1424, 1024), interpolation=cv2.INTER_CUBIC)
    seconds = []
    for _ in range(calls + 1):  # the first call loads MTCNN
        start = time.perf_counter()
        if not find_faces(photo):
            raise ValueError("expected the astronaut's face, found none")
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])
