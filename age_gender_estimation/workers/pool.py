"""Parallel work: a function and chunks in, its results in order out, wherever the workers are."""

import collections
import concurrent.futures
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

from age_gender_estimation.errors import SettingError
from age_gender_estimation.storage import filesystem
from age_gender_estimation.workers.local import open_local_pool
from age_gender_estimation.workers.process import worker_environment
from age_gender_estimation.workers.protocol import POLL_SECONDS, Pool

AHEAD = 4  # chunks per worker that are submitted before their turn

Result = TypeVar("Result")


@contextlib.contextmanager
def open_pool(
    workers: int | None = None, scheduler: str | None = None, threads: int = 1
) -> Iterator[Pool]:
    """Gives a pool for `map_in_order`; an exception within it ends the work at once.

    Local workers start at once, so reading the input within it costs no time.

    Args:
      workers: the number of processes on this machine; one per core if None.
      scheduler: the address of a Dask scheduler, `tcp://host:8786`, whose workers do the work
        instead.
      threads: TensorFlow threads per process; the number changes the last digits of its results.

    Raises:
      InputError: a worker died, or the cluster cannot work, see `dask_cluster.open_dask_pool`.
      SettingError: both workers and a scheduler are given.
    """
    environment = worker_environment(threads)
    if not scheduler:
        with open_local_pool(workers, environment) as local_pool:
            yield local_pool
        return
    if workers:
        raise SettingError(
            "expected --workers (this machine) or --scheduler (a cluster's workers), got both"
        )
    from age_gender_estimation.workers.dask_cluster import open_dask_pool

    with open_dask_pool(scheduler, environment) as dask_pool:
        yield dask_pool


def map_in_order(
    pool: Pool, function: Callable[[Any], Result], chunks: Iterable[Any]
) -> Iterator[Result]:
    """Yields function(chunk) of each chunk in order; AHEAD chunks per worker are in memory.

    Args:
      pool: from `open_pool`.
      function: a function of this package, or a functools.partial of one.
      chunks: read only as far as they are submitted.
    """
    waiting: collections.deque[Future] = collections.deque()
    try:
        for chunk in chunks:
            if len(waiting) >= AHEAD * pool.num_workers:
                yield _result(pool, waiting.popleft())
            waiting.append(pool.submit(function, chunk))
        while waiting:
            yield _result(pool, waiting.popleft())
    finally:
        pool.cancel(waiting)


def absolute(path: str, folder: str | None = None) -> str:
    """Returns a path that means the same in a worker's folder; a bucket's path stays as it is.

    Args:
      path: relative to `folder`, or absolute.
      folder: the current folder if None.
    """
    return path if filesystem.is_remote(path) else os.path.join(folder or os.getcwd(), path)


def _result(pool: Pool, future: Future) -> Any:
    while not future.done():
        pool.check_alive()
        concurrent.futures.wait([future], POLL_SECONDS)
    return future.result()
