"""The environment of a worker process, which decides the last bits of what it computes."""

import os
from collections.abc import Mapping

# Variables that TensorFlow and OpenCV read when they are imported.
VARIABLES = (
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_ENABLE_ONEDNN_OPTS",
    "OPENCV_IO_MAX_IMAGE_PIXELS",
    "OPENCV_LOG_LEVEL",
)
LARGEST_KEPT = 31 * 2**20  # bytes; glibc adapts to blocks of up to 32 MB


def worker_environment(threads: int) -> dict[str, str]:
    """Returns the variables of a worker, which uses so many threads of TensorFlow."""
    return {
        **{name: os.environ[name] for name in VARIABLES if name in os.environ},
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",  # each process would take all memory of a GPU
    }


def set_up_process(environment: Mapping[str, str]) -> None:
    """Prepares this process for its first task; TensorFlow and OpenCV must not be imported yet."""
    os.environ.update(environment)
    import cv2
    import numpy

    cv2.setNumThreads(1)  # the processes are the parallelism
    # Freeing a large block teaches glibc to keep as much memory. Otherwise each image's memory goes
    # back to the system and its pages are cleared again: 2,200 crops a second instead of 2,850.
    numpy.empty(LARGEST_KEPT, numpy.uint8)
