from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import t, ttest_ind

from auxcpvloss.looking.compare.statistics import (
    ALPHA,
    SMALLEST_P,
    bootstrap_interval,
    compare_means,
    difference_in_parts,
    half_width,
    holm,
)
from scripts import simulate_verdicts as simulate

REPEATS = 4000
GRID = [simulate.Spread(*each) for each in product((0.005, 0.02), (0.0, 0.005, 0.02), (0.005, 0.02))]

scores = arrays(float, st.tuples(st.integers(2, 4), st.integers(2, 5)), elements=st.floats(0, 1))


# What verdicts are worth.
@pytest.mark.parametrize(("runs", "volumes"), [(3, 7), (3, 2), (2, 3)])
def test_without_a_true_difference_better_comes_at_most_five_times_in_a_hundred(runs, volumes):
    rng = np.random.default_rng(1)
    rates = np.array([simulate.verdict_rates(spread, runs, volumes, 0, REPEATS, rng) for spread in GRID])
    # Better and worse together; three standard errors for the luck of the draw.
    assert rates.sum(axis=1).max() <= ALPHA + 3 * np.sqrt(ALPHA / REPEATS)
    assert rates.max() < ALPHA
    # And the test does not say no to everything.
    assert rates.max() > 0.01


def test_also_where_runs_of_the_methods_differ_unlike_or_now_and_then_by_much():
    rng = np.random.default_rng(2)
    for spread in GRID[::3]:
        for other in ({"unequal": 4.0}, {"draw": simulate.heavy_tails}):
            changed = simulate.Spread(**{**vars(spread), **other})
            assert max(simulate.verdict_rates(changed, 3, 7, 0, REPEATS, rng)) <= ALPHA + 3 * np.sqrt(ALPHA / REPEATS)


def test_a_difference_of_three_hundredths_is_mostly_seen():
    rng = np.random.default_rng(3)
    better, worse = simulate.verdict_rates(simulate.Spread(0.01, 0.01, 0.01), 3, 7, 0.03, REPEATS, rng)
    assert (better > 0.5, worse) == (True, 0)
    assert simulate.verdict_rates(simulate.Spread(0.005, 0.005, 0.005), 3, 7, 0.03, REPEATS, rng)[0] > 0.95
    # Of two volumes not much can be said.
    assert simulate.verdict_rates(simulate.Spread(0.005, 0.005, 0.005), 3, 2, 0.03, REPEATS, rng)[0] < 0.5


def test_each_part_alone_is_the_usual_t_test():
    rng = np.random.default_rng(4)
    # Volumes alike: runs are all that there is, their means are compared.
    one, other = (np.repeat(rng.normal(0.7, 0.01, (3, 1)), 4, axis=1) for _ in range(2))
    usual = ttest_ind(other[:, 0], one[:, 0])
    assert compare_means(one, other).p == pytest.approx(usual.pvalue)
    low, high = usual.confidence_interval()
    assert (compare_means(one, other).low, compare_means(one, other).high) == pytest.approx((low, high))
    # Runs alike: a paired test of volumes.
    one, other = (np.repeat(rng.normal(0.7, 0.1, (1, 4)), 3, axis=0) for _ in range(2))
    difference = other[0] - one[0]
    width = t.isf(0.025, 3) * difference.std(ddof=1) / 2
    assert compare_means(one, other).high == pytest.approx(difference.mean() + width)


@pytest.mark.parametrize("number", [3, 2])
def test_parts_equal_those_counted_by_hand(number):
    rng = np.random.default_rng(5)
    one, other = rng.normal(0.7, 0.02, (3, 4)), rng.normal(0.7, 0.02, (number, 4))
    squares = [sum((row.mean() - each.mean()) ** 2 for row in each) for each in (one, other)]
    per_volume = [other[:, v].mean() - one[:, v].mean() for v in range(4)]
    parts = difference_in_parts(one, other)
    assert parts.difference == pytest.approx(other.mean() - one.mean())
    assert parts.volumes == pytest.approx(sum((d - np.mean(per_volume)) ** 2 for d in per_volume) / 3 / 4)
    assert parts.volumes_df == 3
    if number == 3:
        assert (parts.runs, parts.runs_df) == ((pytest.approx(sum(squares) / 4 * (1 / 3 + 1 / 3)),), (4,))
    else:
        assert (parts.runs, parts.runs_df) == (pytest.approx((squares[0] / 2 / 3, squares[1] / 1 / 2)), (2, 1))


def test_few_runs_that_differ_much_beside_many_that_do_not():
    rng = np.random.default_rng(7)
    for runs, others in ((5, 2), (8, 2), (2, 5)):
        for unequal in (4.0, 0.25, 1.0):
            spread = simulate.Spread(0.01, 0.0, 0.005, unequal=unequal)
            rates = simulate.verdict_rates(spread, runs, 7, 0, REPEATS, rng, others)
            assert sum(rates) <= ALPHA + 3 * np.sqrt(ALPHA / REPEATS)


def test_many_at_once_are_as_one_by_one():
    rng = np.random.default_rng(6)
    one, other = rng.normal(0.7, 0.02, (5, 3, 4)), rng.normal(0.71, 0.02, (5, 3, 4))
    parts = difference_in_parts(one, other)
    for number in range(5):
        test = compare_means(one[number], other[number])
        assert test.difference == pytest.approx(parts.difference[number])
        assert test.high - test.difference == pytest.approx(half_width(parts)[number])
        assert (test.p < ALPHA) == (abs(parts.difference[number]) > half_width(parts)[number])


@settings(max_examples=15)
@given(scores, st.floats(-0.5, 0.5))
def test_hard_volumes_are_hard_for_both(one, shift):
    other = one[::-1] ** 2
    volumes = np.linspace(0, shift, one.shape[1])
    plain, shifted = compare_means(one, other), compare_means(one + volumes, other + volumes)
    assert shifted.difference == pytest.approx(plain.difference, abs=1e-9)
    if plain.p is not None and plain.high - plain.low > 1e-6:
        assert (shifted.low, shifted.high) == pytest.approx((plain.low, plain.high), abs=1e-6)


@settings(max_examples=15)
@given(scores)
def test_exchanged_groups_differ_by_as_much_the_other_way(one):
    other = np.sqrt(one[::-1])
    there, back = compare_means(one, other), compare_means(other, one)
    assert there.difference == pytest.approx(-back.difference)
    if there.p is not None and back.p is not None:
        assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
        assert there.p == pytest.approx(back.p, rel=1e-6)
        assert (there.p < ALPHA) == (not there.low <= 0 <= there.high) or abs(there.p - ALPHA) < 1e-6


@pytest.mark.parametrize("shapes", [((1, 4), (3, 4)), ((3, 4), (1, 4)), ((3, 1), (3, 1))])
def test_one_run_or_one_volume_tells_nothing_of_chance(shapes):
    rng = np.random.default_rng(7)
    one, other = (rng.normal(0.7, 0.02, shape) for shape in shapes)
    test = compare_means(one, other)
    assert (test.low, test.high, test.p) == (None, None, None)
    assert test.difference == pytest.approx(other.mean() - one.mean())


def test_scores_that_do_not_vary_tell_nothing_of_chance():
    one = np.tile([0.7, 0.1, 0.3], (3, 1))
    assert compare_means(one, one + 0.1).p is None
    assert compare_means(one, one).p is None


def test_differences_beyond_all_doubt_and_none_at_all():
    one = np.random.default_rng(8).normal(0.7, 1e-5, (5, 9))
    assert compare_means(one, one[::-1] + 0.2).p == pytest.approx(SMALLEST_P, rel=1e3)
    assert compare_means(one, one).p == pytest.approx(1)


# Correction for several pairs.
def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert (holm([0.9, 0.8]), holm([0.02])) == (pytest.approx([1, 1]), [0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(values):
    corrected = holm(values)
    assert [corrected[place] for place in np.argsort(values, kind="stable")] == sorted(corrected)
    for value, each in zip(values, corrected, strict=True):
        assert value <= each <= 1
    assert min(corrected) == pytest.approx(min(1, len(values) * min(values)))


# Intervals of means.
def test_the_bootstrap_draws_runs_and_volumes_that_they_share():
    rng = np.random.default_rng(9)
    # Volumes differ, runs do not: were volumes drawn anew for each run, the interval would be narrower.
    volumes = rng.normal(0.7, 0.1, 7)
    low, high = bootstrap_interval(np.tile(volumes, (4, 1)))
    drawn = rng.choice(volumes, (20_000, 7)).mean(axis=1)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.004)
    runs = rng.normal(0.7, 0.1, 5)
    low, high = bootstrap_interval(np.tile(runs[:, None], (1, 3)))
    drawn = rng.choice(runs, (20_000, 5)).mean(axis=1)
    assert (low, high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.004)


@settings(max_examples=15)
@given(scores)
def test_the_interval_is_the_same_each_time_and_within_the_scores(each):
    low, high = bootstrap_interval(each, draws=200)
    assert (low, high) == bootstrap_interval(each, draws=200)
    assert each.min() - 1e-9 <= low <= high <= each.max() + 1e-9
