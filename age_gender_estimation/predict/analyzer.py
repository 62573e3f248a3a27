"""FaceAnalyzer: photos in, the age, gender and race of their faces out, in one import.

Images are RGB. OpenCV's `cv2.imread` gives BGR: turn it with `image[..., ::-1]` first. Nobody can
tell the two apart from the pixels, and a model that sees blue faces answers wrongly.
"""

import os
from collections.abc import Iterable, Sequence
from types import TracebackType

from age_gender_estimation.errors import InputError
from age_gender_estimation.faces.crop import check_detector
from age_gender_estimation.faces.detector import DEFAULT_SEARCH, DETECTORS, FaceSearch, load_network
from age_gender_estimation.predict.analyzed_face import AnalyzedFace, from_record
from age_gender_estimation.predict.any_image import AnyImage, to_rgb
from age_gender_estimation.predict.photos import extract_faces, predict_faces
from age_gender_estimation.predict.predictor import RUNTIMES, Predictor
from age_gender_estimation.predict.records import FaceRecord
from age_gender_estimation.storage.model_folder import shipped_model


class FaceAnalyzer:
    """Finds the faces in photos and predicts their age, gender and race.

    Arrays are RGB, uint8 [height, width, 3]; OpenCV's are BGR and need `image[..., ::-1]` first.
    Several threads may use one analyzer at once.

    >>> from age_gender_estimation import FaceAnalyzer
    >>> analyzer = FaceAnalyzer()
    >>> [face] = analyzer.analyze("examples/astronaut.jpg")
    >>> face.gender, face.race
    ('female', 'White')
    >>> face.age_low <= round(face.age) <= face.age_high
    True
    >>> analyzer.close()

    Args:
      model: an export, a model folder or an .onnx file; the model that comes with the package if
        None.
      runtime: "onnx" or "saved-model"; if None, onnx where the model has an ONNX file.
      batch_size: faces that the model sees at once.
      min_confidence: a class of a lower probability, 0 to 1, becomes "unknown".
      detector: "mtcnn", or "yunet", which is faster, finds more, and downloads 233 KB once.
      min_face: shorter side of the smallest face's box in pixels.
      max_faces: number of faces of an image, largest first; None for all.
      min_detection: least confidence of the detector, 0 to 1; None for its own.

    Raises:
      InputError: there is no such model, a setting is out of its range, or the detector cannot be
        had or does not fit the model.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        runtime: str | None = None,
        batch_size: int = 32,
        min_confidence: float = 0.0,
        detector: str = DEFAULT_SEARCH.detector,
        min_face: int = 0,
        max_faces: int | None = None,
        min_detection: float | None = None,
    ) -> None:
        if runtime not in (None, *RUNTIMES):
            raise InputError(f"runtime: expected {' or '.join(RUNTIMES)}, got {runtime!r:.80}")
        if not (isinstance(batch_size, int) and batch_size > 0):
            raise InputError(f"batch_size: expected a number above 0, got {batch_size!r:.80}")
        if not 0 <= min_confidence <= 1:
            raise InputError(f"min_confidence: expected 0 to 1, got {min_confidence!r:.80}")
        if min_face < 0 or (max_faces is not None and max_faces < 1):
            raise InputError(
                f"min_face, max_faces: expected 0 or more, and 1 or more, got {min_face!r:.80}, "
                f"{max_faces!r:.80}"
            )
        if min_detection is not None and not 0 <= min_detection <= 1:
            raise InputError(f"min_detection: expected 0 to 1, got {min_detection!r:.80}")
        if detector not in DETECTORS:
            raise InputError(f"detector: expected {' or '.join(DETECTORS)}, got {detector!r:.80}")
        path = shipped_model() if model is None else os.fspath(model)
        model_found = Predictor(path, runtime)
        check_detector(model_found.geometry, detector)
        load_network(detector)
        self._model: Predictor | None = model_found
        self._search = FaceSearch(detector, min_detection, min_face, max_faces)
        self._batch_size, self._min_confidence = batch_size, min_confidence

    def analyze(self, image: AnyImage) -> list[AnalyzedFace]:
        """Returns the faces of one photo, largest first; [] where none is found.

        >>> import cv2
        >>> from age_gender_estimation import FaceAnalyzer
        >>> pixels = cv2.imread("examples/astronaut.jpg")[..., ::-1]  # BGR to RGB
        >>> with FaceAnalyzer() as analyzer:
        ...     by_path = analyzer.analyze("examples/astronaut.jpg")
        ...     by_pixels = analyzer.analyze(pixels)
        >>> by_path[0].age == by_pixels[0].age
        True

        Args:
          image: in RGB if it is an array: uint8 [height, width, 3], [height, width] grey or
            [height, width, 4] RGBA. Or a path, the bytes of an image file, or a PIL.Image, which
            are turned as their EXIF orientation says.

        Raises:
          InputError: anything else, or a file that cannot be read.
        """
        return self.analyze_batch([image])[0]

    def analyze_batch(self, images: Iterable[AnyImage]) -> list[list[AnalyzedFace]]:
        """Returns the faces of each photo; the model sees the faces of all photos in batches.

        >>> from age_gender_estimation import FaceAnalyzer
        >>> with FaceAnalyzer() as analyzer:
        ...     photos = analyzer.analyze_batch(["examples/astronaut.jpg", "examples/drawing.jpg"])
        >>> len(photos), photos[0][0].gender
        (2, 'female')

        Args:
          images: as in `analyze`.

        Raises:
          InputError: as in `analyze`.
        """
        return self._analyze(images, is_crop=False)

    def predict_crops(self, crops: Iterable[AnyImage]) -> list[AnalyzedFace]:
        """Returns a face for each crop, in which no face is searched.

        >>> import cv2
        >>> from age_gender_estimation import FaceAnalyzer
        >>> crop = cv2.imread("examples/astronaut.jpg")[30:190, 140:300, ::-1]  # BGR to RGB
        >>> with FaceAnalyzer() as analyzer:
        ...     [face] = analyzer.predict_crops([crop])
        >>> face.gender, face.box
        ('female', None)

        Args:
          crops: images as in `analyze`, RGB. They must be cut like those that the model was trained
            on, as `age-gender preprocess` cuts them: other crops give wrong ages.

        Raises:
          InputError: as in `analyze`.
        """
        return [face for (face,) in self._analyze(crops, is_crop=True)]

    def _analyze(self, images: Iterable[AnyImage], is_crop: bool) -> list[list[AnalyzedFace]]:
        if isinstance(images, (str, bytes, os.PathLike)):
            kind = type(images).__name__
            raise InputError(f"expected several images, such as a list, got one {kind}")
        model = self._model
        if model is None:
            raise InputError("expected an open FaceAnalyzer, this one is closed")
        found = [
            extract_faces(model, to_rgb(image), _name_of(image), is_crop, self._search)
            for image in images
        ]
        # Fills in the records of `found`.
        list(predict_faces(model, found, self._batch_size, self._min_confidence))
        return [_faces(records) for records in found]

    def close(self) -> None:
        """Frees the model. A closed analyzer analyzes no more."""
        self._model = None

    def __enter__(self) -> "FaceAnalyzer":
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _name_of(image: AnyImage) -> str:
    """Returns the `file` of an image's records, "" where it has no path."""
    return os.fsdecode(image) if isinstance(image, (str, os.PathLike)) else ""


def _faces(records: Sequence[FaceRecord]) -> list[AnalyzedFace]:
    for record in records:
        record.crop = None  # would only take memory
    return [from_record(record) for record in records if not record.error]
