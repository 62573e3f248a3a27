"""Answers of one exported model in two versions of TensorFlow, on drawn faces: what `make test-compat` runs.

python -m tools.compat --model-dir pretrained --save var/compat/answers.npz
.venv-compat/bin/python -m tools.compat --model-dir pretrained --compare var/compat/answers.npz
"""

import os
import time

from age_gender_estimation.cli.arguments import make_parser
from age_gender_estimation.cli.run import run
from age_gender_estimation.errors import InputError

NUM_FACES = 32  # of each signature


def main():
    parser = make_parser("tools.compat", __doc__)
    parser.add_argument(
        "--model-dir", required=True, help="an export, or a model folder (its newest export)"
    )
    files = parser.add_mutually_exclusive_group(required=True)
    files.add_argument(
        "--save", metavar="FILE", help="draw faces; keep them and the answers (.npz)"
    )
    files.add_argument(
        "--compare",
        metavar="FILE",
        help="answer the faces of FILE; exit code 1 if an answer is another",
    )
    args = parser.parse_args()

    import tensorflow as tf

    from age_gender_estimation.predict.predictor import Predictor
    from tools import comparison

    version, faces, expected = (
        comparison.load_answers(args.compare) if args.compare else (None, None, None)
    )
    start = time.perf_counter()
    predictor = Predictor(args.model_dir)
    print(
        f"TensorFlow {tf.__version__}: {predictor.path} loaded in {time.perf_counter() - start:.1f} s",
        flush=True,
    )
    if args.save:
        faces = draw_faces(predictor.crop_size)
        os.makedirs(os.path.dirname(os.path.abspath(args.save)), exist_ok=True)
        comparison.save_answers(
            args.save, tf.__version__, faces, comparison.answer(predictor, faces)
        )
        print(f"{2 * NUM_FACES} drawn faces answered: {args.save}")
        return
    differences = comparison.largest_differences(expected, comparison.answer(predictor, faces))
    print(
        f"largest differences from TensorFlow {version} on {2 * NUM_FACES} drawn faces: "
        + ", ".join(f"{name} {value:.1e}" for name, value in differences.items())
    )
    wrong = [name for name, value in differences.items() if not value <= comparison.tolerance(name)]
    if wrong:
        raise InputError(
            f"{predictor.path}: {', '.join(wrong)}: expected the answers of TensorFlow {version} within "
            f"{comparison.YEARS} years and {comparison.PROBABILITY} of probability, got the above"
        )


def draw_faces(crop_size):
    """Returns the faces as JPEGs of several sizes and as pixels of one, see serving.comparison."""
    import numpy as np

    from age_gender_estimation.datasets.synthetic import (
        draw_face,  # needs scipy, which is not beside the newest TensorFlow
    )
    from age_gender_estimation.faces.photo import encode_jpeg

    generator = np.random.default_rng(0)
    sizes = [
        (crop_size, crop_size // 2, 2 * crop_size + 1)[index % 3] for index in range(NUM_FACES)
    ] + [150] * NUM_FACES
    faces = [
        draw_face(int(generator.integers(91)), index % 2, generator, size)
        for index, size in enumerate(sizes)
    ]
    return {
        "image_bytes": [encode_jpeg(face) for face in faces[:NUM_FACES]],
        "image": faces[NUM_FACES:],
    }


if __name__ == "__main__":
    run(main)
