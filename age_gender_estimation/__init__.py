"""Age, gender and race from images of faces: raw datasets in, a served multi-task model out.

    from age_gender_estimation import FaceAnalyzer

FaceAnalyzer is imported on first use, so that importing the package takes no time.
"""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from age_gender_estimation.predict.analyzer import FaceAnalyzer

__version__ = "0.2.0"
__all__ = ["FaceAnalyzer", "__version__"]

# OpenCV reads this variable when it is imported. It refuses larger images by their headers, before
# it takes memory for them. The largest images of phones have 200 million pixels; decoding one takes
# 1.2 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(200_000_000))


def __getattr__(name: str) -> Any:
    if name == "FaceAnalyzer":
        from age_gender_estimation.predict.analyzer import FaceAnalyzer

        return FaceAnalyzer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
