"""Photos -> one record per face: finding, cropping and asking the model, in batches, with memory for one batch."""

from dataclasses import dataclass, field

import numpy as np

from age_gender_estimation.faces.align import UnusableFace
from age_gender_estimation.faces.crop import crop_face, resize_square
from age_gender_estimation.faces.detector import find_faces
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo

UNKNOWN = "unknown"  # in place of a class that is not sure enough


@dataclass
class FaceRecord:
    """What is said of one face, or of one photo or video frame without any.

    Attributes:
      file: the photo's or video's path as it was given, or a camera's number.
      face: number of the face in the picture, largest first, from 0; None without a face.
      box: (left, top, width, height) in pixels of the upright photo; None where the picture was taken whole.
      age: expected years, float; None where the model does not answer years.
      age_median: the year up to which half of the distribution lies; None, as the next four, where the model answers no
        distribution (those before there were intervals lack the next three).
      age_low, age_high: the first and the last year of the 80% interval.
      probability_under_18: share of the distribution below 18 years.
      age_probabilities: float32 [years], the distribution.
      age_group: a range of years as `27-52`, or UNKNOWN; None where the model does not answer ranges.
      classes: {task: class number or UNKNOWN} of gender and race.
      confidences: {task or "age_group": probability of that class}.
      error: why there is no answer, or "".
      frame: number of the frame in the video, from 0; None for photos, and for what is said of a whole video.
    """

    file: str
    face: int | None = None
    box: tuple | None = None
    age: float | None = None
    age_median: float | None = None
    age_low: int | None = None
    age_high: int | None = None
    probability_under_18: float | None = None
    age_probabilities: np.ndarray | None = None
    age_group: str | None = None
    classes: dict = field(default_factory=dict)
    confidences: dict = field(default_factory=dict)
    error: str = ""
    frame: int | None = None

    def labels(self):
        """Returns {task: value that its Label shows, or UNKNOWN}: ages as whole years or a range, class numbers."""
        age = self.age_group if self.age is None else round(self.age)
        return {"age": age, **self.classes}


def predict_photos(predictor, paths, is_whole, batch_size=32, min_confidence=0.0):
    """Yields a FaceRecord per face, in the order of the photos; a photo without an answer gives one record with `error`.

    Args:
      predictor: serving.predictor.Predictor.
      paths: the photos.
      is_whole: path -> bool, whether the picture is a face crop already and no face is searched in it.
      batch_size: faces that the model is asked about at once.
      min_confidence: classes of a lower probability are UNKNOWN.
    """
    records, crops = [], []
    for path in paths:
        for record, crop in _faces_of(path, predictor, is_whole(path)):
            records.append(record)
            crops.append(crop)
        if len(crops) >= batch_size:
            yield from answered(predictor, records, crops, min_confidence)
            records, crops = [], []
    yield from answered(predictor, records, crops, min_confidence)


def _faces_of(path, predictor, is_whole):
    """Returns (FaceRecord, crop) pairs of one photo; the crop is None where the record holds an error."""
    try:
        image = decode_photo(read_photo(path))
    except OSError as error:
        return [(FaceRecord(path, error=f"cannot be read: {error.strerror}"), None)]
    except UnreadablePhoto as error:
        return [(FaceRecord(path, error=f"cannot be read: {error}"), None)]
    return extract_faces(image, path, predictor, is_whole)


def extract_faces(image, name, predictor, is_whole):
    """Returns what is to be asked about one picture, not answered yet.

    Args:
      image: uint8 [height, width, 3] RGB.
      name: what its records call it (`file`).
      predictor: serving.predictor.Predictor, for the geometry and size of its crops.
      is_whole: whether the picture is a face crop already and no face is searched in it.

    Returns:
      [(FaceRecord, crop), ...], largest face first: uint8 [crop_size, crop_size, 3]. Without a face one record with
      an error, whose crop is None.
    """
    # Crops get the size of the training crops first, so that they went through the same resizing.
    if is_whole:
        return [(FaceRecord(name, face=0), resize_square(image, predictor.crop_size))]
    found = []
    for face in find_faces(image):
        try:
            crop = resize_square(crop_face(image, face, predictor.geometry), predictor.crop_size)
        except UnusableFace:
            continue
        found.append((FaceRecord(name, len(found), _inside(face.box, image)), crop))
    return found or [(FaceRecord(name, error="no face found"), None)]


def _inside(box, image):
    """Returns the whole pixels of a box that lie in the photo, as (left, top, width, height)."""
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    right, bottom = (
        min(image.shape[1], round(box[0] + box[2])),
        min(image.shape[0], round(box[1] + box[3])),
    )
    return left, top, max(0, right - left), max(0, bottom - top)


def _describe_distribution(record, outputs):
    """Takes over what the SavedModel says of one face's age beside the expected year, as far as it does."""
    if "age_median" in outputs:
        record.age_median, record.age_probabilities = (
            float(outputs["age_median"]),
            outputs["age_probabilities"],
        )
    if "age_low" in outputs:
        record.age_low, record.age_high = int(outputs["age_low"]), int(outputs["age_high"])
        record.probability_under_18 = float(outputs["probability_under_18"])


def answered(predictor, records, crops, min_confidence=0.0):
    """Returns `records` with the model's answers filled in; `crops` are theirs from `extract_faces`, None where there is none."""
    asked = [record for record, crop in zip(records, crops) if crop is not None]
    outputs = (
        predictor.predict_images([crop for crop in crops if crop is not None]) if asked else {}
    )
    for name, (values, confidences) in (predictor.answers(outputs) if asked else {}).items():
        for index, record in enumerate(asked):
            if name == "age":
                record.age = float(values[index])
                _describe_distribution(
                    record, {output: values[index] for output, values in outputs.items()}
                )
                continue
            record.confidences[name] = float(confidences[index])
            answer = int(values[index]) if confidences[index] >= min_confidence else UNKNOWN
            if name == "age_group":
                record.age_group = (
                    answer if answer == UNKNOWN else predictor.labels[name].show(answer)
                )
            else:
                record.classes[name] = answer
    return records
