"""Training against PyTorch with the same networks, in .venv-bench, which make bench creates."""

import os
import tempfile

from bench.measure import ROOT, BrokenSide, alternate, compare, fresh

NETWORKS = {
    "the default backbone": ("mobilenet_v3_small", {}),
    "mobile_facenet": ("mobile_facenet", {"backbone": "mobile_facenet"}),
    "mobile_facenet, batch-norm frozen": (
        "mobile_facenet",
        {"backbone": "mobile_facenet", "freeze_batch_norm": True},
    ),
}


def measure(rounds, scale):
    """Returns the Rows. Ours reads its images from disk, PyTorch has one batch in memory."""
    from bench.input_pipeline import write_crops

    python = os.environ.get("BENCH_TORCH_PYTHON") or str(ROOT / ".venv-bench" / "bin" / "python")
    if not os.path.isfile(python):
        raise BrokenSide(
            f"expected an interpreter with torch at {python}; run make bench, or set "
            "BENCH_TORCH_PYTHON"
        )
    rows, steps = [], max(2, int(30 * scale))
    with tempfile.TemporaryDirectory() as folder:
        csv_path, crop_dir = write_crops(folder, 512, 112)
        for name, (network, options) in NETWORKS.items():
            found = alternate(
                {
                    "ours": lambda options=options: fresh(
                        "bench.training:run_ours",
                        csv_path=csv_path,
                        crop_dir=crop_dir,
                        options=options,
                        steps=steps,
                    )["rate"],
                    "torch": lambda network=network, options=options: fresh(
                        "bench.torch_networks:run",
                        python,
                        backbone=network,
                        img_size=112,
                        batch_size=32,
                        steps=steps,
                        is_norm_frozen=options.get("freeze_batch_norm", False),
                    )["rate"],
                },
                rounds,
            )
            rows.append(
                compare(
                    f"training {name} at 112 px, against PyTorch",
                    found["ours"],
                    found["torch"],
                    "images/s",
                )
            )
    return rows
