from typing import Any

import numpy as np
from hypothesis import given

from auxcpvloss.metrics import Mistakes, find_mistakes, match, overlaps
from tests.metrics.volumes import LABELS, Volume, ids


def mistakes_of(truth: Volume, predicted: Volume) -> Mistakes:
    table = overlaps(truth, predicted)
    return find_mistakes(table, match(table, 0.5))


def plain(several: dict[int, Any]) -> dict[int, list[int]]:
    return {one: others.tolist() for one, others in several.items()}


def held(holder: Volume, held: Volume) -> dict[int, list[int]]:
    """{id: ids that lie in it with more than half of their voxels}, where there are two or more; by the definition."""
    found = {one: [other for other in ids(held) if (holder == one)[held == other].mean() > 1 / 2] for one in ids(holder)}  # fmt: skip
    return {one: those for one, those in found.items() if len(those) > 1}


@given(LABELS, LABELS)
def test_splits_and_merges_are_those_of_the_definition(truth: Volume, predicted: Volume) -> None:
    found = mistakes_of(truth, predicted)
    assert (plain(found.splits), plain(found.merges)) == (held(truth, predicted), held(predicted, truth))


@given(LABELS, LABELS)
def test_what_is_not_matched_is_a_false_positive_or_negative(truth: Volume, predicted: Volume) -> None:
    table = overlaps(truth, predicted)
    matching = match(table, 0.3)
    found = find_mistakes(table, matching)
    assert sorted([*found.false_positives, *matching.predicted]) == ids(predicted)
    assert sorted([*found.false_negatives, *matching.truth]) == ids(truth)


def test_half_of_an_instance_is_not_most_of_it() -> None:
    truth = np.array([1] * 8 + [0] * 2)
    split = mistakes_of(truth, np.array([0] * 3 + [5] * 3 + [9] * 4))
    assert split.splits == {}
    assert (split.false_positives.tolist(), split.false_negatives.tolist()) == ([5, 9], [1])
    assert plain(mistakes_of(truth, np.array([0] * 3 + [5] * 3 + [9] * 3 + [0])).splits) == {1: [5, 9]}


def test_a_piece_that_matches_is_no_false_positive_but_its_nucleus_is_split() -> None:
    found = mistakes_of(np.array([7] * 10), np.array([1] * 8 + [2] * 2))
    assert plain(found.splits) == {7: [1, 2]}
    assert (found.false_positives.tolist(), found.false_negatives.tolist()) == ([2], [])


def test_ids_of_64_bits_stay_as_they_are() -> None:
    huge = 2**64 - 1
    merged = mistakes_of(np.array([1, 1, 2, 2], np.uint64) + np.uint64(huge - 2), np.full(4, huge - 7, np.uint64))
    assert plain(merged.merges) == {huge - 7: [huge - 1, huge]}
    assert merged.false_negatives.tolist() == [huge - 1, huge]
