"""What the flags of predict mean together."""

import dataclasses

import pytest

from age_gender_estimation.errors import SettingError
from age_gender_estimation.faces.detector import FaceSearch
from age_gender_estimation.predict.job import Job, Settings

NOTHING = Settings(**{field.name: None for field in dataclasses.fields(Settings)})


def settings(**fields):
    return dataclasses.replace(NOTHING, **fields)


def test_flags_become_the_search():
    assert settings(face_detector="mtcnn").search == FaceSearch()
    limits = {"min_face": 40, "max_faces": 2, "min_detection": 0.95}
    assert settings(face_detector="yunet", **limits).search == FaceSearch("yunet", 0.95, 40, 2)
    settings(face_detector="none").search  # noqa: B018


@pytest.mark.parametrize(
    "limit, flag",
    [
        ({"min_face": 40}, "--min-face"),
        ({"max_faces": 1}, "--max-faces"),
        ({"min_detection": 0.0}, "--min-detection"),
    ],
)
def test_limits_of_a_search_that_is_not_made_are_refused_first(limit, flag):
    contradicting = settings(image_path=["missing"], face_detector="none", **limit)
    with pytest.raises(SettingError, match=f"--face-detector none: expected no {flag}"):
        Job(contradicting, progress=None)
