"""What is tried next, given scores: pure functions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auxcpvloss.experiment.refinement import larger_sizes, neighbours, promising
from auxcpvloss.experiment.validation import Score, best_of
from auxcpvloss.methods import METHODS

PARAMS = METHODS["threeclass_cpv"].params
probabilities = st.lists(st.floats(0.001, 0.999), min_size=1, max_size=4, unique=True)


def scored(sets, value, checkpoint=1):
    return [Score(checkpoint, params, (value(params),)) for params in sets]


def values(sets, name):
    return sorted({getattr(params, name) for params in sets})


def test_midpoints_are_tried_between_and_as_much_beyond_the_last():
    sets = [PARAMS(fg_thresh=fg, seed_thresh=0.7) for fg in (0.5, 0.9)]
    found = neighbours(scored(sets, lambda params: params.fg_thresh), ["fg_thresh"])
    # The odds of 0.5 and 0.9 are 1 and 9: those of the middle are 3, of the next 81.
    assert values(found, "fg_thresh") == [0.75, pytest.approx(81 / 82, abs=1e-4)]
    assert {params.seed_thresh for params in found} == {0.7}


def test_thresholds_are_combined_and_what_is_no_threshold_stays():
    sets = [PARAMS(fg_thresh=fg, seed_thresh=s, assign="both") for fg in (0.2, 0.5, 0.8) for s in (0.2, 0.5, 0.8)]
    found = neighbours(scored(sets, lambda p: -abs(p.fg_thresh - 0.5) - abs(p.seed_thresh - 0.5)), ["fg_thresh", "seed_thresh", "assign"])  # fmt: skip
    assert len(found) == 8
    assert values(found, "fg_thresh") == values(found, "seed_thresh") == [pytest.approx(1 / 3, abs=1e-4), 0.5, pytest.approx(2 / 3, abs=1e-4)]  # fmt: skip
    assert values(found, "assign") == ["both"]


def test_thresholds_without_effect_stay():
    sets = [PARAMS(fg_thresh=fg, seeds="votes") for fg in (0.2, 0.5)]
    found = neighbours(scored(sets, lambda p: p.fg_thresh), ["fg_thresh", "seed_thresh", "cpv_thresh"])
    assert values(found, "seed_thresh") == [0.7]
    assert len(found) == 2


def test_a_threshold_of_votes_is_refined_by_factors():
    sets = [PARAMS(use_cpv_for_seeds=True, cpv_thresh=t) for t in (10.0, 40.0)]
    found = neighbours(scored(sets, lambda p: p.cpv_thresh), ["cpv_thresh"])
    assert values(found, "cpv_thresh") == [20.0, 160.0]


@given(probabilities, probabilities, st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_whatever_follows_is_allowed_new_and_ends_at_the_best(first, second, seed):
    sets = [PARAMS(fg_thresh=a, seed_thresh=b) for a in first for b in second]
    known = scored(sets, lambda p: -((p.fg_thresh - 0.37) ** 2) - (p.seed_thresh - seed / 2**32) ** 2)
    best = best_of(known).value
    for _ in range(8):
        found = neighbours(known, ["fg_thresh", "seed_thresh"])
        assert not {p.slug() for p in found} & {score.params.slug() for score in known}
        for params in found:
            PARAMS.model_validate(params.model_dump())
        known += scored(found, lambda p: -((p.fg_thresh - 0.37) ** 2) - (p.seed_thresh - seed / 2**32) ** 2)
        assert best_of(known).value >= best
        best = best_of(known).value
    if min(first) < 0.37 < max(first):
        assert best_of(known).params.fg_thresh == pytest.approx(0.37, abs=0.15)


def test_the_best_checkpoints_are_promising():
    known = [Score(number, PARAMS(fg_thresh=fg), (0.1 * number % 0.4 + fg / 100,)) for number in range(1, 8) for fg in (0.2, 0.4)]  # fmt: skip
    best = {number: max(s.value for s in known if s.checkpoint == number) for number in range(1, 8)}
    assert promising(known) == sorted(best, key=lambda n: (-best[n], n))[:3]


def test_small_instances_are_dropped_by_the_size_of_nuclei():
    known = scored([PARAMS(fg_thresh=0.5), PARAMS(fg_thresh=0.6)], lambda p: p.fg_thresh)
    found = larger_sizes(known, 1000)
    assert [(p.fg_thresh, p.min_size) for p in found] == [(0.6, 50), (0.6, 200)]
    assert not larger_sizes([Score(1, METHODS["gauss"].params(), (0.5,))], 1000)


def test_what_is_tried_at_first_is_allowed():
    for method in METHODS.values():
        for name, tried in method.params.to_try().items():
            for value in tried:
                method.params(**{name: value})
