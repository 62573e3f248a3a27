"""Prints what each switch changes in training.

python -m bench.training_options [--rounds 3] [--network default]

Every setting runs in turns with the default, each in its own process. XLA compiles whole clusters
(TF_XLA_FLAGS). tcmalloc is measured where its library is installed (Debian: libtcmalloc-minimal4).
"""

import argparse
import ctypes.util
import glob
import tempfile

from bench.machine import describe
from bench.measure import BrokenSide, alternate, compare, fresh, table
from bench.profile_step import NETWORKS

# No mmap for large blocks, and no memory is returned, so that pages are not cleared in each step.
GLIBC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "40000000000",
    "MALLOC_TOP_PAD_": "536870912",
    "MALLOC_ARENA_MAX": "1",
}
ENVIRONMENTS = {
    "oneDNN off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "glibc malloc keeps memory": GLIBC,
    "the same with many arenas": {
        name: value for name, value in GLIBC.items() if name != "MALLOC_ARENA_MAX"
    },
    "intra-op 1 thread": {"TF_NUM_INTRAOP_THREADS": "1"},
    "inter-op 1 thread": {"TF_NUM_INTEROP_THREADS": "1"},
    "XLA": {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"},
}
BATCH_SIZES = (16, 64, 128)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help="measured steps of a run")
    parser.add_argument("--network", choices=("all", *NETWORKS), default="all")
    parser.add_argument("--only", help="measure settings with this in their name")
    args = parser.parse_args()
    print(f"Measured on: {describe()}")
    for network, options in NETWORKS.items():
        if args.network in ("all", network):
            print(f"\n{network}\n\n{table(measure(args, options))}", flush=True)


def measure(args, options):
    """Returns a Row for each setting: images per second with it, and as it is by default."""
    from bench.input_pipeline import write_crops

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        csv_path, crop_dir = write_crops(folder, 512, 112)

        def side(environment, **more):
            return lambda: fresh(
                "bench.training:run_ours",
                environment=environment,
                csv_path=csv_path,
                crop_dir=crop_dir,
                options={**options, **more},
                steps=args.steps,
            )["rate"]

        for name, (environment, more) in _settings().items():
            if args.only and args.only not in name:
                continue
            try:
                found = alternate(
                    {"changed": side(environment, **more), "default": side({})}, args.rounds
                )
            except BrokenSide as error:
                print(f"{name}: {error}", flush=True)
                continue
            rows.append(compare(name, found["changed"], found["default"], "images/s", 1.05))
    return rows


def _settings():
    """Returns {name: (environment variables, {field of HParams: value})}."""
    settings: dict[str, tuple[dict, dict]] = {
        name: (environment, {}) for name, environment in ENVIRONMENTS.items()
    }
    library = next(
        iter(glob.glob("/usr/lib/*/libtcmalloc_minimal.so.4")), None
    ) or ctypes.util.find_library("tcmalloc_minimal")
    if library:
        settings["tcmalloc"] = ({"LD_PRELOAD": library}, {})
    else:
        print("tcmalloc: not installed")
    settings.update({f"batch size {size}": ({}, {"batch_size": size}) for size in BATCH_SIZES})
    return settings


if __name__ == "__main__":
    main()
