"""Temperatures and intervals against distributions that are known."""

import numpy as np
import pytest

from age_gender_estimation.export.fitting import equal_weights, fit_interval_mass, fit_temperature


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def drawn(logits, temperature, generator):
    """A class per row, drawn from the softmax of logits / temperature."""
    sums = softmax(logits / temperature).cumsum(axis=1)
    return (
        (sums < generator.uniform(size=(len(logits), 1))).sum(axis=1).clip(max=logits.shape[1] - 1)
    )


def test_lists_weigh_1_and_those_under_50_labels_less():
    weights = equal_weights(np.repeat([0, 1, 2], [100, 50, 10]))
    totals = weights[:100].sum(), weights[100:150].sum(), weights[150:].sum()
    assert totals == pytest.approx((1.0, 1.0, 0.2)) and weights.max() == 1 / 50
    # A list without a label of the task has no rows, and harms nobody.
    assert equal_weights(np.full(4, 2)).tolist() == [1 / 50] * 4


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_drew_the_labels_is_found(temperature):
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 5))
    classes = drawn(logits, temperature, generator)
    allowed = classes[:, np.newaxis] == np.arange(5)
    # The weights of some rows are 1 and of others 3, whatever is in them.
    weights = np.tile([1.0, 3.0], 10_000)
    assert fit_temperature(logits, allowed, weights) == pytest.approx(temperature, rel=0.05)


def test_the_temperature_that_drew_ranges_is_found():
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 6))
    thirds = drawn(logits, 2.0, generator) // 2  # all that is known: 0-1, 2-3 or 4-5
    allowed = thirds[:, np.newaxis] == np.arange(6) // 2
    assert fit_temperature(logits, allowed, np.ones(20_000)) == pytest.approx(2.0, rel=0.05)


def test_interval_mass_by_hand():
    # Year 1 of (0.1, 0.3, 0.6): sums 0.4 up to it. Quantile (1 - mass) / 2 must not be above:
    # mass >= 1 - 2 * 0.4.
    # Year 2: 0.4 below it, so any interval holds it. Year 0: 0.1 up to it, mass >= 0.8.
    probabilities, years = np.array([[0.1, 0.3, 0.6]] * 4), np.array([2, 2, 1, 0])
    equal = np.ones(4)

    # Four faces: half of them needs the third smallest of what is needed, ceil(5 * 0.5).
    assert fit_interval_mass(probabilities, years, equal, 0.5) == pytest.approx(0.2, abs=2e-6)
    assert fit_interval_mass(probabilities, years, equal, 0.8) == pytest.approx(0.8, abs=2e-6)
    # One face cannot promise 80%.
    assert fit_interval_mass(probabilities[:1], years[:1], np.ones(1), 0.8) == 1.0
    # Where nearly every median is right, almost no mass is enough; 0 would be no valid calibration.
    certain = np.full((100, 3), [0.1, 0.8, 0.1])
    ones = np.ones(100)
    assert fit_interval_mass(certain, ones.astype(int), ones, 0.8) == pytest.approx(1e-6)


def test_the_mass_of_weighted_faces_by_hand():
    # Needed: 0, 0.2 and 0.8, as above, of weights 4, 1 and 1. With a new face of weight 4 the total
    # is 10. 40% of it is in the first; 45% takes the second; 60% the third; 61% is more than all.
    probabilities, years = np.array([[0.1, 0.3, 0.6]] * 3), np.array([0, 2, 1])
    weights = np.array([1.0, 4.0, 1.0])
    masses = [fit_interval_mass(probabilities, years, weights, c) for c in (0.4, 0.45, 0.6, 0.61)]
    assert masses == pytest.approx([1e-6, 0.2, 0.8, 1.0], abs=2e-6)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_intervals_of_new_faces_hold_the_share_that_was_asked_for(temperature):
    generator = np.random.default_rng(1)
    logits = -0.02 * (np.arange(60) - generator.uniform(10, 50, (12_000, 1))) ** 2
    # The distributions are too narrow, right, too wide.
    years = drawn(logits, temperature, generator)
    known, new = slice(0, 6_000), slice(6_000, None)
    mass = fit_interval_mass(softmax(logits[known]), years[known], np.ones(6_000), 0.8)
    sums = softmax(logits[new]).cumsum(axis=1)
    low, high = ((sums < share).sum(axis=1) for share in (0.5 - mass / 2, 0.5 + mass / 2))
    assert ((low <= years[new]) & (years[new] <= high)).mean() == pytest.approx(0.8, abs=0.02)
    assert (mass > 0.8) == (temperature > 1) or temperature == 1.0


def test_a_long_list_and_a_short_one_are_covered_alike_in_the_mean():
    """1,000 faces of a model that is right about itself, 100 of people it knows too little of."""
    generator = np.random.default_rng(2)
    logits = -0.02 * (np.arange(60) - generator.uniform(10, 50, (1_100, 1))) ** 2
    years = np.r_[drawn(logits[:1000], 1.0, generator), drawn(logits[1000:], 4.0, generator)]
    weights = equal_weights(np.repeat([0, 1], [1000, 100]))
    mass = fit_interval_mass(softmax(logits), years, weights, 0.8)
    sums = softmax(logits).cumsum(axis=1)
    low, high = ((sums < share).sum(axis=1) for share in (0.5 - mass / 2, 0.5 + mass / 2))
    held = (low <= years) & (years <= high)
    home, abroad = held[:1000].mean(), held[1000:].mean()
    assert (home + abroad) / 2 == pytest.approx(0.8, abs=0.01)
    assert home > 0.85 and abroad < 0.75
