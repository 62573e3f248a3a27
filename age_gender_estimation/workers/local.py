"""A pool of processes on this machine."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from age_gender_estimation.errors import InputError
from age_gender_estimation.workers.process import set_up_process


@contextlib.contextmanager
def open_local_pool(workers: int | None, environment: Mapping[str, str]) -> Iterator["LocalPool"]:
    """Gives a pool of processes, which start at once. An error within it ends them at once.

    Args:
      workers: the number of processes; one per available core if None.
      environment: variables of the processes.

    Raises:
      InputError: a process died.
    """
    pool = LocalPool(workers or count_cores(), environment)
    try:
        yield pool
        pool.shutdown()
    except BaseException as error:
        pool.terminate()  # SIGTERM too: docker waits for ten seconds only
        if isinstance(error, BrokenProcessPool):
            reason = "a worker process died, perhaps out of memory"
            raise InputError(f"{reason}; start again, with fewer --workers") from None
        raise


def count_cores() -> int:
    """Returns the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalPool(ProcessPoolExecutor):
    """A `workers.protocol.Pool` of processes on this machine."""

    def __init__(self, workers: int, environment: Mapping[str, str]) -> None:
        # A forked process would inherit locks that the parent's threads hold.
        spawn = multiprocessing.get_context("spawn")
        super().__init__(workers, spawn, _start_worker, (environment,))
        self.num_workers = workers
        others = set(multiprocessing.active_children())
        for _ in range(workers):  # each task starts a process, because none is idle yet
            self.submit(os.getpid)
        self._children = set(multiprocessing.active_children()) - others

    def require_shared(self, paths: Iterable[str]) -> None:
        """Does nothing: all processes of a machine see its files."""

    def check_alive(self) -> None:
        """Does nothing: a future of a dead process raises BrokenProcessPool."""

    def cancel(self, futures: Iterable[Future]) -> None:
        """Does nothing: an error ends the processes, and cancelled futures confuse the executor."""

    def terminate(self) -> None:
        """Ends the processes without waiting for their tasks."""
        for child in self._children:
            child.terminate()
        self.shutdown()


def _start_worker(environment: Mapping[str, str]) -> None:
    # Ctrl-C reaches all processes of a terminal; the parent ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_up_process(environment)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A parent that was killed with SIGKILL cannot stop its workers.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
