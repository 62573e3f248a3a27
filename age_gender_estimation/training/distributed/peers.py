"""Whether the other workers of a cluster still run.

The Estimator of TensorFlow 2.15.1 waits without end for a worker that was killed, inside a step in
which not even signals are handled. So a thread per worker holds a connection to its port: whatever
ends a process closes it.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterable

TRIES = 3  # a second apart, until a worker counts as lost: restarting it takes longer
# A machine without power closes nothing: 30 s until it counts as lost.
KEEP_ALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}


class PeerMonitor:
    """Calls `on_loss(address)` in a thread of its own once a worker is lost.

    Args:
      addresses: HOST:PORT of the other workers.
      on_loss: what to call.
    """

    def __init__(self, addresses: Iterable[str], on_loss: Callable[[str], object]) -> None:
        self._on_loss, self._is_over = on_loss, threading.Event()
        for address in addresses:
            threading.Thread(target=self._monitor, args=[address], daemon=True).start()

    def stop(self) -> None:
        """From now on, workers may leave."""
        self._is_over.set()

    def _monitor(self, address: str) -> None:
        failures = 0
        while not self._is_over.is_set():
            try:
                with _connect(address) as connection:
                    failures = 0
                    # TensorFlow's server closes a silent connection after two minutes.
                    while connection.recv(4096):
                        pass
            except OSError:
                failures += 1
            if failures >= TRIES and not self._is_over.is_set():
                self._on_loss(address)
                return
            time.sleep(1)


def _connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection
