import hashlib

from age_gender_estimation.data.splits import split_hash, split_of


def test_hash_is_sha256_of_seed_and_identity():
    expected = int(hashlib.sha256(b"7\0nm001").hexdigest()[:16], 16) / 2**64
    assert split_hash(7, "nm001") == expected


def test_shares_of_many_people_are_as_asked():
    sides = [split_of(split_hash(0, f"person {number}"), 0.8, 0.1) for number in range(20_000)]
    # 10% test, 80% and 20% of the rest; three standard deviations of a share of 20,000 are under 0.01
    for side, share in (("train", 0.72), ("val", 0.18), ("test", 0.10)):
        assert abs(sides.count(side) / 20_000 - share) < 0.01


def test_train_and_val_are_unchanged_in_order_when_a_test_part_is_added():
    for number in range(1000):
        value = split_hash(0, str(number))
        assert split_of(value, 0.8, 0.1) in ("test", split_of(value, 0.8, 0.0), "val")
