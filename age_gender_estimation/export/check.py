"""A converted model beside its SavedModel: both predict the same faces, and the answers may differ
as little as the format allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo
from age_gender_estimation.predict.resize import resize

NUM_DRAWN = 12  # images of soft colours, where no faces are given


@dataclass(frozen=True)
class Limits:
    """How far answers may be from the SavedModel's.

    Attributes:
      years: of the expected age.
      probability: of every probability.
      whole_years: of the median and the interval, which jump from year to year.
    """

    years: float
    probability: float
    whole_years: float

    def of(self, output: str) -> float:
        """Returns the limit of an output."""
        if "probabilit" in output:
            return self.probability
        return self.years if output == "age" else self.whole_years


def check_answers(
    path: str, expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray], limits: Limits
) -> None:
    """Raises InputError if answers differ by more than the limits allow, or are no numbers.

    Args:
      path: the file that gives the actual answers.
      expected, actual: {output: float32 [faces, ...]}.
      limits: see Limits.
    """
    if set(expected) != set(actual):
        raise InputError(f"{path}: expected the outputs {sorted(expected)}, got {sorted(actual)}")
    wrong = [
        f"{name} by {difference:.2g} (at most {limits.of(name):g})"
        for name, difference in differences(expected, actual).items()
        if not difference <= limits.of(name)  # NaN is wrong too
    ]
    if wrong:
        raise InputError(
            f"{path} is not written: expected the SavedModel's answers, found differences: "
            f"{', '.join(wrong)}"
        )


def differences(
    expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Returns {output: largest absolute difference}; NaN where an answer is NaN."""
    return {name: float(np.abs(expected[name] - actual[name]).max()) for name in sorted(expected)}


def read_faces(paths: Sequence[str], size: int, count: int) -> np.ndarray:
    """Returns `count` of the face crops at paths, evenly spread, uint8 [count, size, size, 3].

    Raises:
      InputError: one of them cannot be read.
    """
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int))
    images = []
    for path in (paths[index] for index in chosen):
        try:
            images.append(resize(decode_photo(read_photo(path))[np.newaxis], size))
        except (OSError, UnreadablePhoto) as error:
            raise InputError(f"{path}: cannot be read ({error})") from None
    return np.concatenate(images)


def drawn_images(size: int) -> np.ndarray:
    """Returns images without faces, equal on every call, uint8 [n, size, size, 3].

    Soft colours, from coarse to fine; then black and white, where a network may divide by zero.
    """
    generator = np.random.default_rng(0)
    images = [
        cv2.resize(
            generator.integers(0, 256, (side, side, 3), np.uint8),
            (size, size),
            interpolation=cv2.INTER_CUBIC,
        )
        for side in range(3, 3 + NUM_DRAWN)
    ]
    plain = [np.full((size, size, 3), value, np.uint8) for value in (0, 255)]
    return np.stack([*images, *plain])
