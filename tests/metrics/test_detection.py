import itertools
import math
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from auxcpvloss.data.centers_of_mass import centers_by_label
from auxcpvloss.metrics import Counts
from auxcpvloss.metrics.detection import MATCHINGS, centers_of_mass, match_points, within
from tests.conftest import blobs


def detect(*args: Any) -> Counts:
    return match_points(*args).counts


Volume = NDArray[Any]
LABELS = arrays(np.uint16, (3, 4, 5), elements=st.sampled_from([0, 0, 1, 2, 7, 65535]))
LIMIT = 3.0


def points_of(*places: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(places, np.float64).reshape(-1, 3)


def hoefener_by_definition(points: Volume, labels: Volume) -> tuple[int, int, int]:
    """(TP, FP, FN), one point after the other."""
    expected = {int(label) for label in labels.flat if label > 0}
    found: set[int] = set()
    wrong = 0
    for point in points:
        voxel = tuple(math.floor(coordinate + 0.5) for coordinate in point)
        inside = all(0 <= v < n for v, n in zip(voxel, labels.shape, strict=True))
        label = int(labels[voxel]) if inside else 0
        if label > 0 and label not in found:
            found.add(label)
        else:
            wrong += 1
    return len(found), wrong, len(expected - found)


def hoefener_of_points_by_definition(points: Volume, centers: Volume, limit: float) -> tuple[int, int, int]:
    found: set[int] = set()
    for point in points:
        nearest = min(range(len(centers)), key=lambda i: (math.dist(point, centers[i]), i), default=None)
        if nearest is not None and math.dist(point, centers[nearest]) <= limit:
            found.add(nearest)
    return len(found), len(points) - len(found), len(centers) - len(found)


def best_by_trying_all(points: Volume, centers: Volume, limit: float) -> tuple[int, float]:
    """(most pairs, least sum of distances with so many) of all ways to pair points and centers."""
    few, many = sorted((points.tolist(), centers.tolist()), key=len)
    best = (0, 0.0)
    for order in itertools.permutations(range(len(many)), len(few)):
        distances = [math.dist(few[i], many[j]) for i, j in enumerate(order)]
        near = [distance for distance in distances if distance <= limit]
        best = min(best, (-len(near), sum(near)))
    return -best[0], best[1]


def greedy_by_definition(points: Volume, centers: Volume, limit: float) -> set[tuple[int, int]]:
    pairs = sorted((math.dist(point, center), i, j) for i, point in enumerate(points) for j, center in enumerate(centers))  # fmt: skip
    chosen: set[tuple[int, int]] = set()
    for distance, i, j in pairs:
        if distance <= limit and all(i != a and j != b for a, b in chosen):
            chosen.add((i, j))
    return chosen


def a_case(seed: int) -> tuple[Volume, Volume]:
    """Predicted points and labels: several points in a label, some outside the volume, and empty ones among them."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(4, 16, 3))
    labels = blobs(shape, int(rng.integers(0, 9)) * (seed % 10 != 0), seed, radius=2.5)
    labels = (labels * rng.integers(1, 2**20)).astype(np.uint32)
    inside = np.argwhere(labels > 0)
    own = inside[rng.integers(0, len(inside), rng.integers(0, 8))] if len(inside) else np.zeros((0, 3))
    # Halves, too, and all around the volume.
    anywhere = rng.integers(-6, 2 * np.array(shape) + 6, (rng.integers(0, 8), 3)) / 2
    points = np.concatenate([own, own[:3] + rng.uniform(-1, 1, own[:3].shape), anywhere])
    return points[: 0 if seed % 10 == 1 else None], labels


CASES = [a_case(seed) for seed in range(200)]


def test_detection_agrees_with_the_definition_on_200_random_cases() -> None:
    for points, labels in CASES:
        counts = detect(points, labels, "hoefener")
        assert (counts.tp, counts.fp, counts.fn) == hoefener_by_definition(points, labels)


def test_the_200_cases_hold_what_could_go_wrong() -> None:
    outside = [((p < -0.5) | (p >= np.array(labels.shape) - 0.5)).any() for p, labels in CASES]
    counts = [detect(points, labels) for points, labels in CASES]
    several = [hoefener_by_definition(np.unique(np.floor(p + 0.5), axis=0), labels)[1] < c.fp for (p, labels), c in zip(CASES, counts, strict=True)]  # fmt: skip
    empty_truth = [not labels.any() for _, labels in CASES]
    empty_points = [not len(points) for points, _ in CASES]
    both = [a and b for a, b in zip(empty_truth, empty_points, strict=True)]
    for kind in (outside, several, empty_truth, empty_points, both, [(p % 1 == 0.5).any() for p, _ in CASES]):
        assert sum(kind) >= 5
    assert sum(c.tp > 1 and c.fp > 0 and c.fn > 0 for c in counts) > 50


@pytest.mark.parametrize("seed", range(60))
def test_the_other_matchings_agree_with_their_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    # On a coarse grid, so that distances are equal to each other and to the limit.
    points, centers = (rng.integers(0, 5, (rng.integers(0, 6), 3)).astype(float) for _ in range(2))
    linear = match_points(points, centers, "linear", LIMIT)
    most, _ = best_by_trying_all(points, centers, LIMIT)
    assert linear.counts == Counts(most, len(points) - most, len(centers) - most)
    pairs = greedy_by_definition(points, centers, LIMIT)
    greedy = match_points(points, centers, "greedy", LIMIT)
    assert set(np.flatnonzero(greedy.hit)) == {i for i, _ in pairs}
    assert set(np.flatnonzero(greedy.found)) == {j for _, j in pairs}
    counts = detect(points, centers, "hoefener", LIMIT)
    assert (counts.tp, counts.fp, counts.fn) == hoefener_of_points_by_definition(points, centers, LIMIT)


@pytest.mark.parametrize("seed", range(40))
def test_among_as_many_pairs_the_least_sum_of_distances_wins(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, centers = rng.uniform(0, 4, (5, 3)), rng.uniform(0, 4, (3, 3))
    matched = match_points(points, centers, "linear", LIMIT)
    most, least = best_by_trying_all(points, centers, LIMIT)
    hit, found = points[matched.hit], centers[matched.found]
    assert len(hit) == most
    # The points that it took can be paired with so small a sum, and no others with a smaller one.
    assert best_by_trying_all(hit, found, LIMIT) == (most, pytest.approx(least))


def test_linear_takes_two_pairs_where_greed_spoils_one() -> None:
    points, centers = points_of((0, 0, 0), (0, 0, 5)), points_of((0, 0, 2), (0, 0, -3))
    assert detect(points, centers, "greedy", LIMIT) == Counts(tp=1, fp=1, fn=1)
    assert detect(points, centers, "linear", LIMIT) == Counts(tp=2, fp=0, fn=0)


@pytest.mark.parametrize("matching", MATCHINGS)
def test_empty_sides(matching: Any) -> None:
    none, two = points_of(), points_of((1, 1, 1), (2, 2, 2))
    labels = np.zeros((4, 4, 4), np.uint32)
    for empty in (none, labels):
        assert (detect(none, empty, matching), detect(none, empty, matching).ap) == (Counts(0, 0, 0), 1)
        assert detect(two, empty, matching) == Counts(0, 2, 0)
    labels[1, 1, 1] = 5
    for truth in (labels, two):
        counts = detect(none, truth, matching)
        assert (counts.tp, counts.fp, counts.ap) == (0, 0, 0)


def test_a_half_is_rounded_up_and_the_volume_ends_half_a_voxel_beyond_its_last_center() -> None:
    labels = np.zeros((1, 1, 4), np.uint32)
    labels[0, 0, 1:] = (1, 0, 3)
    for x, expected in ((0.49, 0), (0.5, 1), (1.49, 1), (1.5, 0), (2.5, 1), (3.49, 1), (3.5, 0), (-0.5, 0), (-0.6, 0)):
        assert detect(points_of((0, 0, x)), labels).tp == expected, x
    assert detect(points_of((-0.5, -0.5, 1)), labels).tp == 1
    assert detect(points_of((-0.51, 0, 1)), labels).tp == 0
    # Such a point would be the last voxel if indices were left to wrap around.
    assert detect(points_of((-1, 0, 1)), labels).tp == 0


def test_a_center_outside_of_its_own_nucleus_does_not_matter() -> None:
    """A ring: its center of mass lies in the other nucleus, inside it."""
    labels = np.full((1, 7, 7), 1, np.uint32)
    labels[0, 1:-1, 1:-1] = 0
    labels[0, 3, 3] = 2
    assert detect(points_of((0, 3, 3), (0, 0, 5)), labels) == Counts(tp=2, fp=0, fn=0)
    assert detect(centers_of_mass(labels), labels) == Counts(tp=1, fp=1, fn=1)


@given(LABELS)
def test_of_several_points_in_a_label_the_first_one_counts(labels: Volume) -> None:
    matched = match_points(np.argwhere(labels > 0), labels)
    values = labels[labels > 0].tolist()
    assert matched.hit.tolist() == [value not in values[:i] for i, value in enumerate(values)]
    assert matched.found.all()
    np.testing.assert_array_equal(matched.centers, centers_of_mass(labels))


@given(LABELS)
def test_centers_are_means_of_voxels(labels: Volume) -> None:
    ids, centers = centers_by_label(labels)[:2]
    assert (ids.tolist(), centers.shape) == (sorted(set(labels.flat) - {0}), (len(ids), 3))
    for label, center in zip(ids, centers, strict=True):
        np.testing.assert_allclose(center, np.argwhere(labels == label).mean(axis=0), rtol=1e-12)


def test_labels_may_be_the_largest_there_are() -> None:
    labels = np.zeros((1, 1, 4), np.uint64)
    labels[0, 0, 1:3] = 2**64 - 1, 2**64 - 2
    ids, centers = centers_by_label(labels)[:2]
    assert (ids.tolist(), detect(centers, labels)) == ([2**64 - 2, 2**64 - 1], Counts(2, 0, 0))


def test_distances_are_measured_in_space() -> None:
    """Two planes apart at voxels four times as high as wide: eight voxels along x."""
    points, centers = points_of((2, 0, 0)), points_of((0, 0, 0))
    for matching in MATCHINGS:
        assert detect(points, centers, matching, 7.9).tp == 1
        assert detect(points, centers, matching, 7.9, (2.0, 0.5, 0.5)).tp == 0
        assert detect(points, centers, matching, 8, (2.0, 0.5, 0.5)).tp == 1
    # And so is which one is the nearest.
    both = points_of((0, 0, 0), (0, 0, 4))
    assert match_points(points_of((1, 0, 1)), both, spacing=(1, 1, 1)).found.tolist() == [True, False]
    assert match_points(points_of((0, 2, 3)), both, spacing=(1, 1, 1)).found.tolist() == [False, True]
    assert match_points(points_of((1, 0, 0), (0, 0, 3)), both, "greedy", 3.5, (4, 1, 1)).hit.tolist() == [False, True]


def test_of_equally_near_centers_the_first_is_meant() -> None:
    centers = points_of((0, 0, 0), (0, 0, 2), (0, 0, 4))
    assert match_points(points_of((0, 0, 3), (0, 0, 1)), centers).found.tolist() == [True, True, False]
    for matching in ("hoefener", "greedy"):
        assert match_points(points_of((0, 0, 1), (0, 0, 1)), centers[:1], matching).hit.tolist() == [True, False]


def test_points_near_any_center() -> None:
    centers = points_of((0, 0, 0), (0, 0, 50))
    near = within(points_of((0, 0, 3), (0, 0, 3.1), (2, 0, 50), (0, 0, 25)), centers, LIMIT, (2, 1, 1))
    assert (near.tolist(), within(points_of(), centers, LIMIT).shape) == ([True, False, False, False], (0,))
    assert not within(centers, points_of(), LIMIT).any()


@pytest.mark.parametrize("matching", MATCHINGS)
def test_ten_thousand_points_take_seconds(matching: Any) -> None:
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 200, (10_000, 3))
    began = time.perf_counter()
    assert detect(centers + rng.normal(0, 1, centers.shape), centers, matching).tp > 9_000
    # A matrix of all by all, or a loop over all pairs, takes minutes.
    assert time.perf_counter() - began < 10


def test_centers_made_slab_by_slab_are_those_of_all_voxels_at_once():
    labels = np.random.default_rng(0).integers(0, 9, (5, 300, 800), dtype=np.uint16)
    np.testing.assert_array_equal(centers_of_mass(labels), centers_by_label(labels).positions)
