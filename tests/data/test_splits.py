import hashlib

import pytest

from age_gender_estimation.data.splits import PARTS, part_number, split_hash, split_of


def test_hash_is_sha256_of_seed_and_identity():
    expected = int(hashlib.sha256(b"7\0nm001").hexdigest()[:16], 16) / 2**64
    assert split_hash(7, "nm001") == expected


def test_shares_of_many_people_are_as_asked():
    sides = [split_of(split_hash(0, f"person {number}"), 0.8, 0.1) for number in range(20_000)]
    # 10% test, 80% and 20% of the rest; three standard deviations of a share of 20,000 are under
    # 0.01
    for side, share in (("train", 0.72), ("val", 0.18), ("test", 0.10)):
        assert abs(sides.count(side) / 20_000 - share) < 0.01


@pytest.mark.parametrize(
    "value, test_ratio, expected",
    [
        (0.0, 0.0, "train"),
        (0.79, 0.0, "train"),
        (0.81, 0.0, "val"),
        (0.999, 0.0, "val"),
        # With a tenth for test, train ends at 0.8 * 0.9 = 0.72.
        (0.71, 0.1, "train"),
        (0.73, 0.1, "val"),
        (0.89, 0.1, "val"),
        (0.91, 0.1, "test"),
    ],
)
def test_the_side_of_a_hash(value, test_ratio, expected):
    assert split_of(value, 0.8, test_ratio) == expected


def test_a_validation_list_is_dealt_to_three_parts_by_the_hundred():
    places = [0, 99, 100, 199, 200, 299, 300, 399, 400]
    expected = ["select"] * 2 + ["calibrate"] * 2 + ["report"] * 2 + ["select"] * 2 + ["calibrate"]
    assert [PARTS[part_number(place)] for place in places] == expected
