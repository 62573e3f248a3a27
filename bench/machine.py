"""The machine of a measurement, and the memory of its processes; from /proc."""

import os
import pathlib
import re
import resource


def describe():
    """Returns one line: CPU model, cores, memory, load; without the name of the machine."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    found = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    model = found[1] if found else "CPU"
    kilobytes = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    flags = [flag for flag in ("avx2", "avx512f", "amx_tile") if f" {flag}" in text]
    cores = len(os.sched_getaffinity(0))
    return (
        f"{model}, {cores} cores ({', '.join(flags)}), {kilobytes / 2**20:.0f} GiB; "
        f"load before {os.getloadavg()[0]:.1f}"
    )


def peak_megabytes():
    """Returns the peak resident memory of this process or of its largest ended child."""
    # Not getrusage for itself: that includes the memory of the process that started it.
    status = pathlib.Path("/proc/self/status").read_text()
    own = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024
