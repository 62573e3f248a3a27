"""What is predicted of one face, as data."""

from dataclasses import dataclass, field

import numpy as np

UNKNOWN = "unknown"  # in place of a class whose probability is below min_confidence


@dataclass
class FaceRecord:
    """The prediction for one face, or the reason why a photo or video frame has none.

    Attributes:
      file: path of the photo or video as it was given, or the number of a camera.
      face: number of the face in the image, largest first, from 0; None without a face.
      box: (left, top, width, height) in pixels of the image as its EXIF orientation turns it; None
        for a crop.
      detection_confidence: the detector's, 0 to 1. This and the next two are None for a crop.
      landmarks: ((x, y), ...) of eyes, nose and corners of the mouth, left ones as the viewer sees
        them first (faces.face.LANDMARKS), in pixels of that image.
      rotation: degrees by which the face is turned clockwise in that image: 0, 90, 180 or 270.
      age: expected age in years; None if the model predicts no years.
      age_median: median age in years. This and the next four are None if the model predicts no
        distribution over years; exports from before there were intervals lack the next three.
      age_low, age_high: first and last year of the 80% interval.
      probability_under_18: share of the distribution below 18 years.
      age_probabilities: float32 [years], the distribution.
      age_group: a range of years as `27-52`, or UNKNOWN; None if the model predicts no ranges.
      classes: {task: class number or UNKNOWN} for every task but age.
      confidences: {task or "age_group": probability of the most likely class}.
      probabilities: {task or "age_group": float32 [classes]}.
      error: why there is no prediction, or "".
      frame: number of the frame in the video, from 0; None for photos, and for errors of a whole
        video.
      crop: uint8 [crop_size, crop_size, 3] RGB, what the model sees; None without a face, and in
        records that `predict.batches` returns.
    """

    file: str
    face: int | None = None
    box: tuple[int, int, int, int] | None = None
    age: float | None = None
    age_median: float | None = None
    age_low: int | None = None
    age_high: int | None = None
    probability_under_18: float | None = None
    age_probabilities: np.ndarray | None = None
    age_group: str | None = None
    classes: dict[str, int | str] = field(default_factory=dict)
    confidences: dict[str, float] = field(default_factory=dict)
    probabilities: dict[str, np.ndarray] = field(default_factory=dict)
    error: str = ""
    frame: int | None = None
    detection_confidence: float | None = None
    landmarks: tuple[tuple[float, float], ...] | None = None
    rotation: int | None = None
    crop: np.ndarray | None = None

    def labels(self) -> dict[str, int | str | None]:
        """Returns {task: value}: age in whole years or as a range, class numbers, or UNKNOWN."""
        age = self.age_group if self.age is None else round(self.age)
        return {"age": age, **self.classes}
