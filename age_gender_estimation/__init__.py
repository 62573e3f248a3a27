"""Age, gender and race from face pictures: raw datasets in, a served multi-task model out."""

import os

__version__ = "0.2.0"


# OpenCV reads it when it is imported, and refuses larger pictures by their headers, before it takes memory for them. The
# largest that phones make have 200 million pixels; decoding one takes 1.2 GB.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(200_000_000))
