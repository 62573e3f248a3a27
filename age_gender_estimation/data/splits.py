"""The person-disjoint split: a hash of (seed, identity) decides, so it is the same everywhere and
when data is added.

A validation list has three parts: one chooses the checkpoint, one calibrates it, and one is for
reporting how good it is, since the first two have seen the answers. They are cut by the place of
a row: manifests stand in the order of their split hash, so a person's photos, and copies of one
photo, are neighbours and stay in one part, but for the few at a border.
"""

import hashlib

PARTS = SELECT, CALIBRATE, REPORT = "select", "calibrate", "report"
# Parts take turns, so that a list that is sorted by something else is divided fairly too.
PART_ROWS = 100
MIN_ROWS = len(PARTS) * PART_ROWS  # a shorter list is not divided


def split_hash(seed, identity):
    """Returns a number in [0, 1) that depends on nothing but the seed and who is shown (str)."""
    digest = hashlib.sha256(f"{seed}\0{identity}".encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_of(value, split_ratio, test_ratio):
    """Returns "train", "val" or "test" for a split hash.

    Args:
      value: split hash in [0, 1).
      split_ratio: share of train in what is not test.
      test_ratio: share of test in everything.
    """
    if value >= 1.0 - test_ratio:
        return "test"
    return "train" if value < split_ratio * (1.0 - test_ratio) else "val"


def part_number(row):
    """Returns the place in PARTS of a row of a validation list.

    Args:
      row: its place under the header, 0 for the first; an int or an integer tensor.
    """
    return row // PART_ROWS % len(PARTS)
