"""Photos and decoded images -> a record per face. Faces of several images share batches."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from age_gender_estimation.faces.align import UnusableFace
from age_gender_estimation.faces.crop import crop_face, resize_square
from age_gender_estimation.faces.detector import DEFAULT_SEARCH, FaceSearch, find_faces
from age_gender_estimation.faces.photo import UnreadablePhoto, decode_photo, read_photo
from age_gender_estimation.predict.predictor import Predictor
from age_gender_estimation.predict.records import UNKNOWN, FaceRecord
from age_gender_estimation.workers.pool import absolute

# What the distribution over years adds to the expected age, as far as an export has it.
AGE_OUTPUTS: dict[str, Callable] = {
    "age_median": float,
    "age_low": int,
    "age_high": int,
    "probability_under_18": float,
    "age_probabilities": np.asarray,
}


@dataclass(frozen=True)
class Photo:
    """A photo on disk or in a bucket.

    Attributes:
      path: as its records name it.
      is_crop: whether it is a face crop already, in which no face is searched.
      drawn: path of its copy with boxes and labels, or None for no copy.
    """

    path: str
    is_crop: bool = False
    drawn: str | None = None


def predict_photos(
    predictor: Predictor,
    photos: Iterable[Photo],
    batch_size: int = 32,
    min_confidence: float = 0.0,
    folder: str | None = None,
    search: FaceSearch = DEFAULT_SEARCH,
) -> Iterator[FaceRecord]:
    """Yields a FaceRecord per face, in the order of the photos; memory holds one batch.

    A photo that cannot be read, or in which no face is found, gives one record with `error`.

    Args:
      predictor: the model.
      photos: the photos.
      batch_size: faces that the model sees at once.
      min_confidence: a class of a lower probability becomes UNKNOWN.
      folder: what relative paths are relative to; the current folder if None.
      search: which faces are searched.
    """
    found = (_read_faces(predictor, photo, folder, search) for photo in photos)
    return predict_faces(predictor, found, batch_size, min_confidence)


def predict_image(
    predictor: Predictor,
    image: np.ndarray,
    name: str,
    is_crop: bool = False,
    min_confidence: float = 0.0,
    search: FaceSearch = DEFAULT_SEARCH,
) -> list[FaceRecord]:
    """Returns the FaceRecords of one decoded image; without a face, one record with `error`.

    Args:
      predictor: the model.
      image: uint8 [height, width, 3] RGB.
      name: `file` of the records.
      is_crop: whether the image is a face crop already, in which no face is searched.
      min_confidence: a class of a lower probability becomes UNKNOWN.
      search: which faces are searched.
    """
    found = [extract_faces(predictor, image, name, is_crop, search)]
    return list(predict_faces(predictor, found, min_confidence=min_confidence))


def extract_faces(
    predictor: Predictor,
    image: np.ndarray,
    name: str,
    is_crop: bool = False,
    search: FaceSearch = DEFAULT_SEARCH,
) -> list[FaceRecord]:
    """Returns a FaceRecord per face with its crop, largest face first, still without predictions.

    Args:
      predictor: the model, for the geometry and size of its crops.
      image: uint8 [height, width, 3] RGB.
      name: `file` of the records.
      is_crop: whether the image is a face crop already, in which no face is searched.
      search: which faces are searched.
    """
    # Crops first get the size of the training crops, so that they are resized the same way.
    if is_crop:
        return [FaceRecord(name, face=0, crop=resize_square(image, predictor.crop_size))]
    records: list[FaceRecord] = []
    for face in find_faces(image, search):
        try:
            crop = resize_square(crop_face(image, face, predictor.geometry), predictor.crop_size)
        except UnusableFace:
            continue
        record = FaceRecord(name, len(records), _clip(face.box, image), crop=crop)
        record.detection_confidence, record.rotation = face.confidence, face.rotation
        record.landmarks = tuple((x, y) for x, y in face.landmarks.tolist())
        records.append(record)
    return records or [FaceRecord(name, error="no face found")]


def predict_faces(
    predictor: Predictor,
    found: Iterable[list[FaceRecord]],
    batch_size: int = 32,
    min_confidence: float = 0.0,
) -> Iterator[FaceRecord]:
    """Yields the records of several images with predictions filled in; see `extract_faces`.

    Args:
      predictor: the model.
      found: a list of records per image; those without a crop stay as they are.
      batch_size: faces that the model sees at once; those of one image stay together.
      min_confidence: a class of a lower probability becomes UNKNOWN.
    """
    batch: list[FaceRecord] = []
    for records in found:
        batch += records
        if len(batch) >= batch_size:
            _fill_in(predictor, batch, min_confidence)
            yield from batch
            batch = []
    _fill_in(predictor, batch, min_confidence)
    yield from batch


def _read_faces(predictor, photo, folder, search):
    try:
        image = decode_photo(read_photo(absolute(photo.path, folder)))
    except OSError as error:
        return [FaceRecord(photo.path, error=f"cannot be read: {error.strerror}")]
    except UnreadablePhoto as error:
        return [FaceRecord(photo.path, error=f"cannot be read: {error}")]
    return extract_faces(predictor, image, photo.path, photo.is_crop, search)


def _clip(box, image):
    """Returns the part of a box inside the image in whole pixels: (left, top, width, height)."""
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    right = min(image.shape[1], round(box[0] + box[2]))
    bottom = min(image.shape[0], round(box[1] + box[3]))
    return left, top, max(0, right - left), max(0, bottom - top)


def _fill_in(predictor, records, min_confidence):
    """Adds the model's predictions to the records that have a crop."""
    faces = [record for record in records if record.crop is not None]
    if not faces:
        return
    outputs = predictor.predict_images([record.crop for record in faces])
    predictions = predictor.predictions(outputs)
    for index, record in enumerate(faces):
        for name, (values, confidences) in predictions.items():
            if name == "age":
                record.age = float(values[index])
                for output, convert in AGE_OUTPUTS.items():
                    if output in outputs:
                        setattr(record, output, convert(outputs[output][index]))
                continue
            record.confidences[name] = float(confidences[index])
            if f"{name}_probabilities" in outputs:
                record.probabilities[name] = outputs[f"{name}_probabilities"][index]
            value = int(values[index]) if confidences[index] >= min_confidence else UNKNOWN
            if name == "age_group":
                is_known = value != UNKNOWN
                record.age_group = predictor.labels[name].show(value) if is_known else value
            else:
                record.classes[name] = value
