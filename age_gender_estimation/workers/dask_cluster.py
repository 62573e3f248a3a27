"""A pool of the workers of a Dask cluster: the address of its scheduler in, a pool out.

When a worker dies, Dask gives its chunks to another one, so a chunk must give the same result
however often it is done. Every worker must have this package and see the same files under the same
paths. Both are checked with each chunk, because workers may join at any time.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from age_gender_estimation.errors import InputError
from age_gender_estimation.workers.dask_worker import versions
from age_gender_estimation.workers.protocol import POLL_SECONDS

CONNECT_SECONDS = 15
NO_WORKER_SECONDS = 60  # to wait for the first worker, and for a new one when all are lost


@contextlib.contextmanager
def open_dask_pool(address: str, environment: Mapping[str, str]) -> Iterator["DaskPool"]:
    """Gives a pool of the workers of a cluster.

    Args:
      address: of the scheduler, `tcp://host:8786`.
      environment: variables of the workers.

    Raises:
      InputError: `distributed` is not installed; there is no scheduler or no worker; a worker has
        other code, or does not see the files; a chunk killed its workers.
    """
    try:
        import distributed
        from distributed.comm import resolve_address
    except ImportError:
        raise InputError("--scheduler needs Dask: pip install -r requirements-dask.txt") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # our own message is enough
    try:
        resolve_address(address)  # before there is a client that would have to be closed
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(
            f"--scheduler {address}: expected a Dask scheduler, as tcp://host:8786, found none "
            f"within {CONNECT_SECONDS} s ({reason})"
        ) from None
    try:
        yield DaskPool(client, environment)
    except distributed.KilledWorker:
        problem = "a chunk of work killed every worker that tried it, perhaps out of memory"
        advice = "start again, with more memory per worker"
        raise InputError(f"--scheduler {address}: {problem}; {advice}") from None
    except ImportError as error:
        raise InputError(
            f"--scheduler {address}: expected this package and its requirements on every worker, "
            f"found one without ({error}); is PYTHONPATH set?"
        ) from None
    except (concurrent.futures.CancelledError, asyncio.CancelledError):
        raise _lost_scheduler(address) from None
    finally:
        client.close(timeout=2)


def _lost_scheduler(address: str) -> InputError:
    return InputError(f"--scheduler {address}: the scheduler was lost; start again when it is back")


class DaskPool:
    """A `workers.protocol.Pool` of the workers of a Dask cluster."""

    def __init__(self, client: Any, environment: Mapping[str, str]) -> None:
        self._client, self._executor = client, client.get_executor(pure=False)
        self._address = client.scheduler.address
        self._environment, self._shared = dict(environment), tuple[str, ...]()
        self._last_check, self._last_worker = -POLL_SECONDS, time.monotonic()
        self.num_workers = 0
        self.check_alive()
        if not self.num_workers:
            logging.info("waiting for a Dask worker, at most %d s", NO_WORKER_SECONDS)
        while not self.num_workers:
            time.sleep(0.2)
            self.check_alive()

    def submit(self, function: Callable[..., Any], *args: Any) -> Future:
        # A function within a function travels as code: a worker without our package raises an error
        # and lives on, and the scheduler needs no package.
        def import_and_run(demands, payload):
            from age_gender_estimation.workers.dask_worker import run_task

            return run_task(demands, payload)

        demands = self._environment, versions(), self._shared
        return self._executor.submit(import_and_run, demands, pickle.dumps((function, args)))

    def require_shared(self, paths: Iterable[str]) -> None:
        self._shared = tuple(paths)

    def check_alive(self) -> None:
        """Counts the workers, at most once in POLL_SECONDS.

        Raises:
          InputError: the scheduler is lost, or there was no worker for NO_WORKER_SECONDS.
        """
        now = time.monotonic()
        if now - self._last_check < POLL_SECONDS:
            return
        self._last_check = now
        try:
            self.num_workers = len(self._client.nthreads())
        except (OSError, RuntimeError, AttributeError, concurrent.futures.CancelledError):
            raise _lost_scheduler(self._address) from None
        if self.num_workers:
            self._last_worker = now
        elif now - self._last_worker > NO_WORKER_SECONDS:
            raise InputError(
                f"--scheduler {self._address}: expected workers, found none for "
                f"{NO_WORKER_SECONDS} s; start some: "
                f"dask worker {self._address} --nworkers auto --nthreads 1"
            )

    def cancel(self, futures: Iterable[Future]) -> None:
        for future in futures:
            future.cancel()
