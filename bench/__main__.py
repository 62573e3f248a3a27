"""Measures how fast the project is, and prints a Markdown table.

    make bench                        # everything, under 20 minutes on two quiet cores
    make bench BENCH=preprocess
    python -m bench predict --rounds 3

Every number is the median of several rounds. In a round each side runs once, in its own process.
The table is also written into bench/results/.
"""

import argparse
import importlib
import pathlib
import subprocess
import sys
import time

from age_gender_estimation.cli.arguments import positive
from bench.machine import describe
from bench.measure import BrokenSide, table

# Name -> (function(rounds, scale) that returns Rows, default rounds); the most important first.
SECTIONS = {
    "preprocess": ("bench.preprocess:measure", 3),
    "input": ("bench.input_pipeline:measure", 5),
    "training": ("bench.training:measure", 3),
    "predict": ("bench.predict:measure", 5),
    "torch": ("bench.torch_side:measure", 3),
    "mat": ("bench.preprocess:measure_mat", 1),
    "growth": ("bench.preprocess:measure_growth", 1),
}
RESULTS = pathlib.Path(__file__).resolve().parent / "results"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    text = f"sections to measure: {', '.join(SECTIONS)}; all if not given"
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=text)
    text = "number of measurements of each side; if not given, the default of each section"
    parser.add_argument("--rounds", type=positive, help=text)
    text = "share of the work, for a quick try (default: 1.0)"
    parser.add_argument("--scale", type=float, default=1.0, help=text)
    args = parser.parse_args()
    unknown = [name for name in args.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"unknown section {unknown[0]!r}; choose from: {', '.join(SECTIONS)}")
    print(f"Measured on: {describe()}\n", flush=True)
    rows, is_broken = [], False
    for name in args.sections or SECTIONS:
        function, rounds = SECTIONS[name]
        module, _, function = function.partition(":")
        start = time.monotonic()
        measure = getattr(importlib.import_module(module), function)
        try:
            found = measure(args.rounds or rounds, args.scale)
        except (BrokenSide, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            is_broken = True
            continue
        rows += found
        print(f"{table(found)}\n\n{name}: {time.monotonic() - start:.0f} s\n", flush=True)
    RESULTS.mkdir(exist_ok=True)
    text = f"Measured on: {describe()}\n\n{table(rows)}\n"
    (RESULTS / f"{'-'.join(args.sections) or 'all'}.md").write_text(text, encoding="utf-8")
    return 1 if is_broken else 0


if __name__ == "__main__":
    sys.exit(main())
