"""The interface of a pool of workers, implemented in `workers.local` and `workers.dask_cluster`."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Any, Protocol

POLL_SECONDS = 1.0  # between two checks whether the workers are alive


class Pool(Protocol):
    """Worker processes that call functions.

    A worker computes the same bits as any other: all get the same environment variables and number
    of TensorFlow threads, see `workers.process`.
    """

    @property
    def num_workers(self) -> int:
        """The number of workers; in a cluster it changes."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Future:
        """Has a worker call a function of this package (or a functools.partial of one)."""

    def require_shared(self, paths: Iterable[str]) -> None:
        """Requires that each worker sees these files and folders; otherwise later tasks fail."""

    def check_alive(self) -> None:
        """Raises InputError if the workers are lost."""

    def cancel(self, futures: Iterable[Future]) -> None:
        """Gives up tasks that were submitted."""
