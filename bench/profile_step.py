"""Prints the op types that take most of a training step: `python -m bench.profile_step [--steps 8]`.

For the default backbone, and for mobile_facenet with --freeze-batch-norm. TensorFlow's own trace (FULL_TRACE) says
what each op took; ops run beside each other, so the sum is more than a step, and shares are of the sum.
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
            print(
                f"\n{name}: {found['rate']:.1f} images/s while traced\n\n{op_table(found['microseconds'], args.steps)}"
            )


def op_table(microseconds, steps, top=10):
    """Returns a Markdown table of the most expensive op types.

    Args:
      microseconds: {op type: in all steps}.
      steps: how many.
      top: lines.
    """
    total = sum(microseconds.values())
    lines = ["| op | ms a step | share |", "|---|---|---|"]
    for kind, took in sorted(microseconds.items(), key=lambda item: -item[1])[:top]:
        lines.append(f"| {kind} | {took / 1000 / steps:.1f} | {took / total:.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
