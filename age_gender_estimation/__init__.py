"""Age, gender and race from images of faces: raw datasets in, a served multi-task model out."""

import os

__version__ = "0.2.0"

# OpenCV reads this variable when it is imported. It refuses larger images by their headers, before
# it takes memory for them. The largest images of phones have 200 million pixels; decoding one takes
# 1.2 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(200_000_000))
