"""What a measurement was made on, from /proc; and the memory that processes took."""

import os
import pathlib
import re
import resource


def describe():
    """Returns `CPU model, cores, memory`, without names of machines."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    model = next(
        (
            line.partition(":")[2].strip()
            for line in text.splitlines()
            if line.startswith("model name")
        ),
        "CPU",
    )
    kilobytes = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    flags = [flag for flag in ("avx2", "avx512f", "amx_tile") if f" {flag}" in text]
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores ({', '.join(flags)}), {kilobytes / 2**20:.0f} GiB; "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def peak_megabytes():
    """Returns the most resident memory that this process, or the largest of its ended children, had at once."""
    # Of itself not by getrusage: that still counts what the process which started it held.
    status = pathlib.Path("/proc/self/status").read_text()
    own = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
