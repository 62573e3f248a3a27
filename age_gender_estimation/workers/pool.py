"""Worker processes of this machine or of a Dask cluster. In: a function and chunks of work. Out: the results, in order.

Both are concurrent.futures executors, so whoever has work knows nothing of where it is done. A worker computes to the bit
what any other does: it gets the environment variables that decide (ENVIRONMENT) and the number of TensorFlow's threads.
"""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool

from age_gender_estimation.errors import InputError, SettingError
from age_gender_estimation.storage import filesystem

AHEAD = 4  # chunks per worker that are handed out before their turn: half a million pictures need no queue of them all
POLL_SECONDS = 1.0
LARGEST_KEPT = 31 * 2**20  # bytes; glibc learns from blocks of up to 32 MB
# Read when TensorFlow or OpenCV is imported.
ENVIRONMENT = (
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_ENABLE_ONEDNN_OPTS",
    "OPENCV_IO_MAX_IMAGE_PIXELS",
    "OPENCV_LOG_LEVEL",
)


@contextlib.contextmanager
def open_executor(workers=None, scheduler=None, threads=1):
    """Gives an executor for map_in_order; left by an exception, its work is given up at once.

    Local workers start right away, so whoever has something to read first should do that within it.

    Args:
      workers: number of processes on this machine; all cores by default.
      scheduler: address of a Dask scheduler, `tcp://host:8786`, whose workers do the work instead.
      threads: of TensorFlow in each process; how many there are shows in the last digits of what it computes.

    Raises:
      InputError: a worker process died; whatever keeps a cluster from working (dask_executor.open_dask_executor).
      SettingError: both workers and a scheduler.
    """
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    # TensorFlow would take all memory of a GPU for every process.
    environment.update(
        TF_NUM_INTRAOP_THREADS=str(threads), TF_NUM_INTEROP_THREADS="1", CUDA_VISIBLE_DEVICES="-1"
    )
    if scheduler:
        if workers:
            raise SettingError(
                "expected --workers for this machine or --scheduler for a cluster's workers, got both"
            )
        from age_gender_estimation.workers.dask_cluster import open_dask_executor

        with open_dask_executor(scheduler, environment) as executor:
            yield executor
        return
    try:
        executor = _LocalExecutor(workers or len(os.sched_getaffinity(0)), environment)
        # Outside too: SIGTERM may come while the pool closes, and a worker that still starts would outlive its semaphores.
        with executor.stopped_by_errors(), executor, executor.stopped_by_errors():
            yield executor
    except BrokenProcessPool:
        raise InputError(
            "a worker process died, out of memory perhaps; start again, with fewer --workers"
        ) from None


def map_in_order(executor, function, chunks):
    """Yields function(chunk) of every chunk, in their order, with memory for AHEAD chunks per worker.

    Args:
      executor: from open_executor.
      function: of a module of this package, or a functools.partial of one.
      chunks: iterable, read as far as work is handed out.
    """
    waiting = collections.deque()
    try:
        for chunk in chunks:
            if len(waiting) >= AHEAD * executor.num_workers:
                yield _result(executor, waiting.popleft())
            waiting.append(executor.submit(function, chunk))
        while waiting:
            yield _result(executor, waiting.popleft())
    finally:
        executor.cancel(waiting)


def absolute(path, folder=None):
    """Returns `path` as a worker in another folder understands it, relative to `folder` (the current one if None); one in a
    bucket stays as it is."""
    return path if filesystem.is_remote(path) else os.path.join(folder or os.getcwd(), path)


def set_up_process(environment):
    """Prepares a worker for its first task, before anything is imported that reads these variables."""
    os.environ.update(environment)
    import cv2
    import numpy

    cv2.setNumThreads(1)  # the processes are the parallelism
    # glibc learns from a large block that is freed to keep as much for the next one. Without it the memory of each picture
    # goes back to the system and its pages are cleared anew: 2,200 crops a second instead of 2,850.
    numpy.empty(LARGEST_KEPT, numpy.uint8)


def _result(executor, future):
    while not future.done():
        executor.check()
        concurrent.futures.wait([future], POLL_SECONDS)
    return future.result()


class _LocalExecutor(concurrent.futures.ProcessPoolExecutor):
    def __init__(self, workers, environment):
        # A forked worker would inherit locks of the parent's threads.
        super().__init__(
            workers, multiprocessing.get_context("spawn"), _start_worker, (environment,)
        )
        self.num_workers = workers
        self._others = multiprocessing.active_children()
        for _ in range(workers):  # a task that none of those before is ready for starts a process
            self.submit(os.getpid)

    def share(self, paths):
        """All processes of a machine see its files; see dask_executor."""

    def cancel(self, futures):
        """An error ends the processes; the pool's thread would trip over futures that were cancelled before."""

    def check(self):
        """The pool itself notices when a process dies."""

    @contextlib.contextmanager
    def stopped_by_errors(self):
        try:
            yield
        except (
            BaseException
        ):  # SystemExit of SIGTERM too: the chunks under way may take longer than docker waits
            for child in set(multiprocessing.active_children()) - set(self._others):
                child.terminate()
            raise


def _start_worker(environment):
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all processes of a terminal; the parent ends its workers
    set_up_process(environment)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    # A parent that was killed with -9 cannot tell its workers to stop.
    multiprocessing.parent_process().join()
    os._exit(1)
