"""Whether the other workers of a cluster are still there.

TensorFlow 2.15.1 in the Estimator waits for ever for one that was killed, inside a step in which not even signals are
handled. So a thread per worker holds a connection to its port: a process that ends closes it, whatever it died of.
"""

import socket
import threading
import time

TRIES = 3  # a second apart, before a worker counts as gone: starting it again takes longer
KEEP_ALIVE = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 4,
}  # a machine that lost its power says nothing: 30 s


class PeerMonitor:
    """Calls `lost(address)` in a thread of its own once a worker is gone.

    Args:
      addresses: HOST:PORT of the others.
      lost: what to call.
    """

    def __init__(self, addresses, lost):
        self._lost, self._is_over = lost, threading.Event()
        for address in addresses:
            threading.Thread(target=self._watch, args=[address], daemon=True).start()

    def stop(self):
        """From now on, workers may leave."""
        self._is_over.set()

    def _watch(self, address):
        failures = 0
        while not self._is_over.is_set():
            try:
                with _connect(address) as connection:
                    failures = 0
                    # TensorFlow's server greets, and closes a connection that says nothing after two minutes.
                    while connection.recv(4096):
                        pass
            except OSError:
                failures += 1
            if failures >= TRIES and not self._is_over.is_set():
                self._lost(address)
                return
            time.sleep(1)


def _connect(address):
    host, _, port = address.rpartition(":")
    connection = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection
