"""Compares the predictions of one exported model in two versions of TensorFlow, on drawn faces;
those of its ONNX file too, where it has one.

    python -m tools.compat --model-dir pretrained --save var/compat/answers.npz
    .venv-compat/bin/python -m tools.compat --model-dir pretrained --compare var/compat/answers.npz

The first command keeps its faces and predictions in an .npz file; the second command, in the other
environment, predicts the same faces. The exit code is 1 if a prediction differs. `make
test-compat` runs both.

Faces are a dict of what the two signatures take: `image_bytes`, a list of JPEG files, and `image`,
a list of uint8 [side, side, 3] RGB arrays of one size. Predictions are
{"<input of the signature>/<output>": float32 [faces, ...]}.
"""

import os
import time
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.run import run
from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.files import write_file
from age_gender_estimation.storage.model_folder import ONNX_FILE

NUM_FACES = 32  # of each signature
# Other kernels add up in another order. The tolerances are a thousandth of the model's errors.
YEARS, PROBABILITY = 0.01, 0.001


def main(argv: list[str] | None = None) -> None:
    parser = make_parser("tools.compat", __doc__)
    text = "an export, or a model folder, whose newest export is used"
    parser.add_argument("--model-dir", required=True, help=text)
    files = parser.add_mutually_exclusive_group(required=True)
    text = "draw faces, predict them, and write both into FILE (.npz)"
    files.add_argument("--save", metavar="FILE", help=text)
    text = "predict the faces of FILE and compare"
    files.add_argument("--compare", metavar="FILE", help=text)
    args = parser.parse_args(argv)

    import tensorflow as tf

    from age_gender_estimation.predict.predictor import Predictor

    saved = load_predictions(args.compare) if args.compare else None
    start = time.perf_counter()
    predictor = Predictor(args.model_dir, "saved-model")
    seconds = time.perf_counter() - start
    print(f"TensorFlow {tf.__version__}: {predictor.path} loaded in {seconds:.1f} s", flush=True)
    if saved is None:
        faces = draw_faces(predictor.crop_size)
        os.makedirs(os.path.dirname(os.path.abspath(args.save)), exist_ok=True)
        save_predictions(args.save, tf.__version__, faces, predict(predictor, faces))
        print(f"{2 * NUM_FACES} drawn faces predicted: {args.save}")
        return
    compare(predictor, *saved)
    if os.path.isfile(os.path.join(predictor.path, ONNX_FILE)):
        compare(Predictor(args.model_dir, "onnx"), *saved)


def compare(
    predictor: Any, version: str, faces: Mapping[str, list], expected: Mapping[str, np.ndarray]
) -> None:
    """Prints how far a predict.predictor.Predictor is from predictions that were saved.

    Raises:
      InputError: further than the tolerances.
    """
    differences = largest_differences(expected, predict(predictor, faces))
    print(
        f"{predictor.runtime}: largest differences from TensorFlow {version} on {2 * NUM_FACES} "
        "drawn faces: " + ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
    )
    wrong = [name for name, value in differences.items() if not value <= tolerance(name)]
    if wrong:
        raise InputError(
            f"{predictor.path}: {', '.join(wrong)}: expected the predictions of TensorFlow "
            f"{version} within {YEARS} years and {PROBABILITY} of probability, got the above"
        )


def draw_faces(crop_size: int) -> dict[str, list]:
    """Returns faces: files of several sizes around `crop_size` pixels, and arrays of 150 pixels."""
    # SciPy, which it needs, is not beside the newest TensorFlow.
    from age_gender_estimation.datasets.synthetic import draw_face
    from age_gender_estimation.faces.photo import encode_jpeg

    generator = np.random.default_rng(0)
    sizes = [(crop_size, crop_size // 2, 2 * crop_size + 1)[n % 3] for n in range(NUM_FACES)]
    faces = [
        draw_face(int(generator.integers(91)), index % 2, generator, size)
        for index, size in enumerate(sizes + [150] * NUM_FACES)
    ]
    return {
        "image_bytes": [encode_jpeg(face) for face in faces[:NUM_FACES]],
        "image": faces[NUM_FACES:],
    }


def predict(predictor: Any, faces: Mapping[str, list]) -> dict[str, np.ndarray]:
    """Returns the predictions of a predict.predictor.Predictor, through both signatures."""
    by_input = {
        "image_bytes": predictor.predict_bytes(faces["image_bytes"]),
        "image": predictor.predict_images(faces["image"]),
    }
    return {
        f"{name}/{output}": values
        for name, outputs in by_input.items()
        for output, values in outputs.items()
    }


def save_predictions(
    path: str, version: str, faces: Mapping[str, list], predictions: Mapping[str, np.ndarray]
) -> None:
    """Writes faces, their predictions and the version of TensorFlow into an .npz file."""
    # An array of bytes drops zeros at the end, but a JPEG ends with 0xFFD9.
    arrays = {"image_bytes": np.array(faces["image_bytes"]), "image": np.stack(faces["image"])}
    write_file(path, lambda file: np.savez(file, version=version, **arrays, **predictions))


def load_predictions(path: str) -> tuple[str, dict[str, list], dict[str, np.ndarray]]:
    """Returns what was given to `save_predictions`: version, faces, predictions.

    Raises:
      InputError: it is not such a file.
    """
    try:
        with np.load(path) as file:
            arrays = dict(file)
        faces = {name: list(arrays.pop(name)) for name in ("image_bytes", "image")}
        return str(arrays.pop("version")), faces, arrays
    except (OSError, ValueError, LookupError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path}: expected a file that tools.compat --save wrote "
            f"({type(error).__name__}: {error})"
        ) from None


def largest_differences(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Returns {output: largest absolute difference over faces, classes and both signatures}.

    A difference is NaN if a prediction is NaN.

    Raises:
      InputError: the predictions are of models with other outputs.
    """
    shapes = [{name: values.shape for name, values in each.items()} for each in (expected, actual)]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"expected predictions {shapes[0]}, got {shapes[1]}; compare one model with itself"
        )
    differences: dict[str, list] = {}
    for name in expected:
        output = name.partition("/")[2]
        differences.setdefault(output, []).append(np.abs(expected[name] - actual[name]).max())
    return {output: float(np.max(values)) for output, values in sorted(differences.items())}


def tolerance(output: str) -> float:
    """Returns how far an output may differ between two versions, in years or in probability."""
    return PROBABILITY if "probabilit" in output else YEARS


if __name__ == "__main__":
    run(main)
