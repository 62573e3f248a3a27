"""The answers of one model in two versions of TensorFlow: kept by the one, compared by the other.

Faces are {"image_bytes": [JPEG, ...], "image": [uint8 [side, side, 3] RGB, ...] of one size}, what the two signatures take.
Answers are {"<signature's input>/<output>": float32 [faces, ...]}. Needs NumPy, and a Predictor that has TensorFlow.
"""

import zipfile

import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.storage.files import write_file

# Other kernels add up in another order. These are a thousandth of the models' errors, and what people are shown.
YEARS, PROBABILITY = 0.01, 0.001


def answer(predictor, faces):
    """Returns the answers of a serving.predictor.Predictor to `faces`, through both signatures."""
    by_input = {
        "image_bytes": predictor.predict_bytes(faces["image_bytes"]),
        "image": predictor.predict_images(faces["image"]),
    }
    return {
        f"{name}/{output}": values
        for name, outputs in by_input.items()
        for output, values in outputs.items()
    }


def save_answers(path, version, faces, answers):
    """Writes the faces, their answers and the version of TensorFlow that gave them into an .npz."""
    # An array of bytes loses zeros at the end; a JPEG ends with 0xFFD9.
    write_file(
        path,
        lambda file: np.savez(
            file,
            version=version,
            image_bytes=np.array(faces["image_bytes"]),
            image=np.stack(faces["image"]),
            **answers,
        ),
    )


def load_answers(path):
    """Returns (version, faces, answers) as they were given to `save_answers`.

    Raises:
      InputError: the file is no such file.
    """
    try:
        with np.load(path) as file:
            arrays = dict(file)
        faces = {name: list(arrays.pop(name)) for name in ("image_bytes", "image")}
        return str(arrays.pop("version")), faces, arrays
    except (OSError, ValueError, LookupError, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{path}: expected answers that compare_answers.py --save wrote "
            f"({type(error).__name__}: {error})"
        ) from None


def largest_differences(expected, answers):
    """Returns {output: largest absolute difference over faces, classes and signatures}; not a number where one is not.

    Raises:
      InputError: they are of models with other outputs.
    """
    shapes = [{name: values.shape for name, values in each.items()} for each in (expected, answers)]
    if shapes[0] != shapes[1]:
        raise InputError(
            f"expected the answers {shapes[0]}, got {shapes[1]}; compare one model with itself"
        )
    differences = {}
    for name in expected:
        output = name.partition("/")[2]
        differences.setdefault(output, []).append(np.abs(expected[name] - answers[name]).max())
    return {output: float(np.max(values)) for output, values in sorted(differences.items())}


def tolerance(output):
    """Returns how far two versions' answers may lie apart: in years, or in probability, as the output's name says."""
    return PROBABILITY if "probabilit" in output else YEARS
