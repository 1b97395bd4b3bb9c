import itertools
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from auxcpvloss.metrics import THRESHOLDS, Counts, Overlaps, count, match, overlaps, pool, score
from auxcpvloss.metrics.average_precision import PATHS
from auxcpvloss.metrics.matching import BATCH
from auxcpvloss.metrics.registry import ON_REQUEST
from tests.metrics.volumes import LABELS, Volume, blobs

Table = dict[tuple[int, int], float]

# Small fractions lie on the thresholds and between them.
THRESHOLD = st.sampled_from([0.0, *THRESHOLDS])


def loops(truth: Volume, predicted: Volume) -> Table:
    """{(truth id, predicted id): IoU}, by the definition, one pair after the other."""
    table = {}
    for t, p in itertools.product(set(truth.flat) - {0}, set(predicted.flat) - {0}):
        intersection = ((truth == t) & (predicted == p)).sum()
        if intersection:
            table[int(t), int(p)] = intersection / ((truth == t) | (predicted == p)).sum()
    return table


def ratios(counts: Counts) -> list[float]:
    return [counts.at("x")[f"x.{name}"] for name in ("AP", "precision", "recall", "fscore")]


def every_matching(pairs: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield each set of pairs that has no instance twice."""
    if not pairs:
        yield ()
        return
    (t, p), rest = pairs[0], pairs[1:]
    yield from every_matching(rest)
    for others in every_matching([pair for pair in rest if pair[0] != t and pair[1] != p]):
        yield ((t, p), *others)


def exhaustive(table: Table, threshold: float) -> tuple[int, float]:
    """(number of pairs, sum of IoU) of the best matching there is."""
    allowed = [pair for pair, iou in table.items() if iou > threshold]
    return max((len(pairs), sum(table[pair] for pair in pairs)) for pairs in every_matching(allowed))


def dense(table: Table, threshold: float) -> tuple[int, float]:
    """The same by one assignment over the whole matrix, for tables too large to try everything."""
    rows, columns = (sorted({pair[side] for pair in table}) for side in (0, 1))
    iou = np.array([[table.get((t, p), 0.0) for p in columns] for t in rows])
    chosen = iou[linear_sum_assignment(np.where(iou > threshold, 1 + iou / (min(iou.shape) + 1), 0), maximize=True)]
    chosen = chosen[chosen > threshold]
    return chosen.size, chosen.sum()


def counts_of(truth: Volume, predicted: Volume, optimal: bool = True) -> dict[float, Counts]:
    numbers = score(truth, predicted, optimal=optimal)
    return {t: Counts(*(numbers[f"{path}.{name}"] for name in ("TP", "FP", "FN"))) for t, path in PATHS.items()}


@given(LABELS, LABELS)
def test_overlaps_are_those_of_the_definition(truth: Volume, predicted: Volume) -> None:
    table = overlaps(truth, predicted)
    found = dict(zip(zip(table.truth.tolist(), table.predicted.tolist(), strict=True), table.iou, strict=True))
    assert (found, len(found)) == (loops(truth, predicted), table.iou.size)
    for labels, ids, sizes in ((truth, table.truth_ids, table.truth_sizes), (predicted, table.predicted_ids, table.predicted_sizes)):  # fmt: skip
        expected = {label: (labels == label).sum() for label in set(labels.flat) - {0}}
        assert dict(zip(ids, sizes, strict=True)) == expected


@given(LABELS, LABELS, THRESHOLD)
@settings(max_examples=300)
def test_an_optimal_matching_is_the_best_of_all_there_are(truth: Volume, predicted: Volume, threshold: float) -> None:
    table = loops(truth, predicted)
    matching = match(overlaps(truth, predicted), threshold)
    pairs = list(zip(matching.truth.tolist(), matching.predicted.tolist(), strict=True))
    assert [table[pair] for pair in pairs] == matching.iou.tolist()
    assert all(iou > threshold for iou in matching.iou)
    assert len(set(matching.truth)) == len(set(matching.predicted)) == len(pairs)
    most, greatest = exhaustive(table, threshold)
    assert (len(pairs), matching.iou.sum()) == (most, pytest.approx(greatest, abs=1e-12))


@pytest.mark.parametrize("threshold", [0.0, 0.02, *THRESHOLDS])
def test_groups_together_are_as_good_as_one_assignment_over_everything(threshold: float) -> None:
    rng = np.random.default_rng(0)
    truth, predicted = blobs(rng), blobs(rng)
    matching = match(overlaps(truth, predicted), threshold)
    most, greatest = dense(loops(truth, predicted), threshold)
    assert (matching.iou.size, matching.iou.sum()) == (most, pytest.approx(greatest, abs=1e-10))


def test_many_groups_are_as_good_as_one_assignment_over_everything() -> None:
    rng = np.random.default_rng(0)
    # The voxels in any order, so that the pairs of a group are not next to each other.
    order = rng.permutation(5000)
    truth, predicted = (1 + np.cumsum(rng.random(5000) < 0.2)[order] for _ in range(2))
    table = overlaps(truth, predicted)
    matching = match(table, 0.1)
    assert (table.iou > 0.1).sum() > 2 * BATCH
    most, greatest = dense(dict(zip(zip(table.truth, table.predicted, strict=True), table.iou, strict=True)), 0.1)
    assert (matching.iou.size, matching.iou.sum()) == (most, pytest.approx(greatest, abs=1e-9))


@given(LABELS, LABELS, THRESHOLD)
def test_a_greedy_matching_takes_the_greatest_iou_first(truth: Volume, predicted: Volume, threshold: float) -> None:
    matching = match(overlaps(truth, predicted), threshold, optimal=False)
    left = {pair: iou for pair, iou in loops(truth, predicted).items() if iou > threshold}
    for t, p, iou in sorted(
        zip(matching.truth.tolist(), matching.predicted.tolist(), matching.iou, strict=True), key=lambda x: -x[2]
    ):
        assert left[t, p] == iou == max(left.values())
        left = {pair: value for pair, value in left.items() if pair[0] != t and pair[1] != p}
    assert not left


@given(LABELS, LABELS)
def test_an_optimal_matching_has_at_least_as_many_pairs_as_a_greedy_one(truth: Volume, predicted: Volume) -> None:
    optimal, greedy = counts_of(truth, predicted), counts_of(truth, predicted, optimal=False)
    assert all(optimal[t].tp >= greedy[t].tp for t in THRESHOLDS)
    assert all(optimal[t] == greedy[t] for t in THRESHOLDS if t >= 0.5)


def test_optimal_finds_two_pairs_where_greed_spoils_one() -> None:
    # IoU of 1-1 is 6/14, of 1-2 and 2-1 4/10: taking the first forbids both others.
    truth = np.array([1] * 10 + [2] * 4)
    predicted = np.array([2] * 4 + [1] * 10)
    assert counts_of(truth, predicted, optimal=False)[0.2] == Counts(tp=1, fp=1, fn=1)
    assert counts_of(truth, predicted)[0.2] == Counts(tp=2, fp=0, fn=0)


def test_among_as_many_pairs_the_greater_sum_wins() -> None:
    matching = match(overlaps(np.array([1] * 8 + [2] * 8), np.array([1] * 5 + [2] * 3 + [2] * 4 + [1] * 4)), 0.1)
    assert list(zip(matching.truth, matching.predicted, strict=True)) == [(1, 1), (2, 2)]


NAMES: dict[str, NDArray[Any]] = {
    "uint64 of all sizes": np.random.default_rng(0).integers(1, 2**64, 50, dtype=np.uint64),
    "uint64, the greatest": np.uint64(2**64 - 1) - np.arange(50, dtype=np.uint64),
    "int64, the greatest": 2**63 - 1 - np.arange(50),
    "int64 that float64 would take for each other": 2**53 + np.arange(50),
    "int16": 7 * np.arange(50, dtype=np.int16) + 3,
}


@pytest.mark.parametrize("optimal", [True, False])
@given(truth=LABELS, predicted=LABELS, which=st.sampled_from(list(NAMES)), seed=st.integers(0, 999))
def test_names_and_types_of_labels_change_nothing(optimal: bool, truth: Volume, predicted: Volume, which: str, seed: int) -> None:  # fmt: skip
    names = np.random.default_rng(seed).permutation(NAMES[which])
    names[0] = 0
    renamed = [
        (truth, predicted),
        (names[truth], predicted.astype(np.int16)),
        (truth, names[predicted]),
        (names[truth], names[::-1][predicted] * (predicted > 0)),
    ]
    first, *others = (score(*pair, more=ON_REQUEST, optimal=optimal) for pair in renamed)
    assert all(numbers == first for numbers in others)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
@pytest.mark.parametrize(("left", "right"), [(1, 2), (2, 1)])
def test_a_tie_is_broken_by_place_not_by_name(first: int, second: int, left: int, right: int) -> None:
    # The IoU of three pairs is 1/3. The first to appear stands in the way of both others.
    truth = np.array([first, first, 0, second, second])
    predicted = np.array([left, right, right, 0, left])
    assert match(overlaps(truth, predicted), 0.1).iou.size == 2
    matching = match(overlaps(truth, predicted), 0.1, optimal=False)
    assert (matching.truth.tolist(), matching.predicted.tolist()) == ([first], [left])


@given(LABELS, LABELS, st.integers(0, 999))
def test_places_of_voxels_change_nothing(truth: Volume, predicted: Volume, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(truth.size)
    scrambled = truth.ravel()[order].reshape(5, 6), predicted.ravel()[order].reshape(5, 6)
    assert counts_of(*scrambled) == counts_of(truth, predicted)
    assert counts_of(truth[::-1, :, ::2], predicted[::-1, :, ::2]) == counts_of(truth[:, :, ::2], predicted[:, :, ::2])


@given(LABELS, LABELS)
def test_changing_sides_exchanges_false_positives_and_false_negatives(truth: Volume, predicted: Volume) -> None:
    there, back = counts_of(truth, predicted), counts_of(predicted, truth)
    assert back == {t: Counts(tp=c.tp, fp=c.fn, fn=c.fp) for t, c in there.items()}


@pytest.mark.parametrize("optimal", [True, False])
@pytest.mark.parametrize("tenths", range(1, 10))
def test_an_iou_on_the_threshold_does_not_match(tenths: int, optimal: bool) -> None:
    truth = np.full((2, 5, 3), 7)
    predicted = np.zeros_like(truth)
    predicted.flat[: 3 * tenths] = 4
    counts = counts_of(truth, predicted, optimal)
    assert [counts[t].tp for t in THRESHOLDS] == [1] * (tenths - 1) + [0] * (10 - tenths)


@pytest.mark.parametrize("optimal", [True, False])
@pytest.mark.parametrize("shape", [(4, 5, 6), (0, 5, 6)])
def test_nothing_where_nothing_is_scores_1(shape: tuple[int, ...], optimal: bool) -> None:
    nothing = np.zeros(shape, np.uint32)
    counts = counts_of(nothing, nothing, optimal)
    assert (set(counts.values()), ratios(counts[0.5])) == ({Counts(0, 0, 0)}, [1, 1, 1, 1])


@pytest.mark.parametrize("swap", [False, True])
def test_nothing_against_something_scores_0(swap: bool) -> None:
    something, nothing = np.array([[1, 1, 0, 9]]), np.zeros((1, 4), int)
    one = (counts_of(nothing, something) if swap else counts_of(something, nothing))[0.1]
    assert (one, ratios(one)) == (Counts(0, 2, 0) if swap else Counts(0, 0, 2), [0, 0, 0, 0])


def test_ratios_of_counts() -> None:
    assert ratios(Counts(tp=6, fp=2, fn=4)) == [6 / 12, 6 / 8, 6 / 10, 12 / 18]


def test_pooled_counts_are_sums() -> None:
    assert (pool([Counts(1, 2, 3), Counts(10, 20, 30)]), pool([])) == (Counts(11, 22, 33), Counts(0, 0, 0))


def test_volumes_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 2\)"):
        overlaps(np.zeros((2, 3), int), np.zeros((3, 2), int))


def test_negative_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="predicted: labels must not be negative; found -1"):
        overlaps(np.array([0, 1]), np.array([-1, 1]))


@pytest.mark.parametrize("dtype", [np.float32, bool])
def test_labels_that_are_no_integers_are_refused(dtype: type) -> None:
    with pytest.raises(TypeError, match=f"truth: .* not {np.dtype(dtype)}"):
        overlaps(np.ones(3, dtype), np.ones(3, int))


def test_many_instances_need_no_table_of_all_pairs() -> None:
    truth = np.repeat(np.arange(1, 30_001), 5)
    predicted = np.concatenate([truth[1:], truth[:1]])
    predicted[::10] = 0
    tracemalloc.start()
    table = overlaps(truth, predicted)
    counts = count(table, match(table, 0.1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(table, Overlaps)
    assert counts == Counts(tp=30_000, fp=0, fn=0)
    assert peak < 100 * truth.nbytes
