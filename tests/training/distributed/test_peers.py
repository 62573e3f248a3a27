"""The monitor of other workers, with a real process as the other worker."""

import queue
import socket
import subprocess
import sys

from age_gender_estimation.training.distributed.peers import PeerMonitor

# Listens, prints its port, and closes the first connection at once; TensorFlow's server does later.
SERVER = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
server.accept()[0].close()
guest, _ = server.accept()
print("again", flush=True)
guest.recv(1)
"""


def test_a_killed_worker_is_noticed_and_one_that_hangs_up_is_not():
    lost = queue.Queue()
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as process:
        address = f"127.0.0.1:{int(process.stdout.readline())}"
        PeerMonitor([address], lost.put)
        assert process.stdout.readline() == "again\n" and lost.empty()
        process.kill()
    assert lost.get(timeout=60) == address


def test_after_the_end_workers_may_leave():
    lost = queue.Queue()
    with socket.create_server(("127.0.0.1", 0)) as server:
        monitor = PeerMonitor([f"127.0.0.1:{server.getsockname()[1]}"], lost.put)
        guest, _ = server.accept()
        monitor.stop()
        guest.close()
    try:
        assert not lost.get(timeout=5)
    except queue.Empty:
        pass
