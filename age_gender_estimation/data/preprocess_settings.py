"""The settings of preprocessing."""

from dataclasses import dataclass

from age_gender_estimation.data.crops import WHOLE
from age_gender_estimation.datasets.example import Filters


@dataclass(frozen=True)
class PreprocessSettings:
    """The settings that decide the output; preprocess.json records them.

    Attributes:
      geometry: the crop geometry, a name in faces.crop.GEOMETRIES.
      filters: which examples are kept.
      img_size: side of a crop in pixels.
      split_ratio: share of train among the people who are not in test.
      test_ratio: share of people in test.
      seed: of the split.
      face: which face of an image is cut, see data.crops.CropSettings.
      fold: the fold that becomes test.csv; None if none is held out.
    """

    geometry: str
    filters: Filters
    img_size: int = 224
    split_ratio: float = 0.8
    test_ratio: float = 0.0
    seed: int = 0
    face: str = WHOLE
    fold: str | None = None
