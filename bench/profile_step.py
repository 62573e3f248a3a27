"""Prints the slowest op types of a training step: `python -m bench.profile_step [--steps 8]`.

It measures the default backbone, and mobile_facenet with --freeze-batch-norm. The times are from
TensorFlow's FULL_TRACE. Ops run in parallel, so their sum exceeds the time of a step; the shares
are shares of the sum.
"""

import argparse
import tempfile

from bench.machine import describe
from bench.measure import fresh

NETWORKS = {
    "default": {},
    "mobile_facenet --freeze-batch-norm": {"backbone": "mobile_facenet", "freeze_batch_norm": True},
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=8, help="traced steps")
    args = parser.parse_args()
    from bench.input_pipeline import write_crops

    print(f"Measured on: {describe()}")
    with tempfile.TemporaryDirectory() as folder:
        csv_path, crop_dir = write_crops(folder, 256, 112)
        for name, options in NETWORKS.items():
            found = fresh(
                "bench.training:run_ours",
                csv_path=csv_path,
                crop_dir=crop_dir,
                options=options,
                steps=args.steps,
                is_traced=True,
            )
            print(f"\n{name}: {found['rate']:.1f} images/s while traced\n")
            print(op_table(found["microseconds"], args.steps))


def op_table(microseconds, steps, top=10):
    """Returns a Markdown table of the most expensive op types.

    Args:
      microseconds: {op type: microseconds in all steps}.
      steps: number of steps.
      top: number of rows.
    """
    total = sum(microseconds.values())
    lines = ["| op | ms a step | share |", "|---|---|---|"]
    for kind, took in sorted(microseconds.items(), key=lambda item: -item[1])[:top]:
        lines.append(f"| {kind} | {took / 1000 / steps:.1f} | {took / total:.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
