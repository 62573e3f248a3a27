"""Who is in train, val and test, and the three parts of a validation manifest.

A hash of (seed, identity) decides the side, so it is the same everywhere and when data is added.

A validation manifest has three parts: one chooses the checkpoint, one calibrates it, and one is
for reporting how good it is, because the model was fitted to the first two. The place of a row
decides its part. Manifests are sorted by the split hash, so the images of a person are neighbours
and in one part, except for a few at a border.
"""

import hashlib

PARTS = SELECT, CALIBRATE, REPORT = "select", "calibrate", "report"
# Parts take turns, so that a manifest in another order is divided fairly too.
PART_ROWS = 100
MIN_ROWS = len(PARTS) * PART_ROWS  # a shorter manifest is not divided


def split_hash(seed: int, identity: str) -> float:
    """Returns a number in [0, 1) that depends only on the seed and on who is shown."""
    digest = hashlib.sha256(f"{seed}\0{identity}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_of(value: float, split_ratio: float, test_ratio: float) -> str:
    """Returns "train", "val" or "test" for a split hash.

    Args:
      value: split hash in [0, 1).
      split_ratio: share of train in what is not test, from 0 to 1.
      test_ratio: share of test in everything, from 0 to 1.
    """
    if value >= 1.0 - test_ratio:
        return "test"
    return "train" if value < split_ratio * (1.0 - test_ratio) else "val"


def part_number(rows):
    """Returns which of PARTS rows of a validation manifest are in.

    Args:
      rows: their places, 0 for the first under the header; an int or an array of ints.

    Returns:
      0, 1 or 2; an int or an array like `rows`.
    """
    return rows // PART_ROWS % len(PARTS)
