from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.metrics import (
    Matching,
    Overlaps,
    Strata,
    Stratum,
    by_density,
    by_size,
    match,
    mean_diameter,
    neighbours,
    overlaps,
)
from auxcpvloss.metrics.strata import DENSITIES, SIZES
from tests.metrics.volumes import LABELS, Volume, blobs


def matched(truth: Volume, predicted: Volume) -> tuple[Overlaps, Matching]:
    table = overlaps(truth, predicted)
    return table, match(table, 0.5)


def cubes(*numbers: int) -> Volume:
    """So many cubes of 3 x 3 x 3 voxels along each axis, without a gap. All that share a corner are in reach."""
    labels = np.arange(1, np.prod(numbers) + 1).reshape(numbers)
    for axis in range(3):
        labels = np.repeat(labels, 3, axis=axis)
    return labels


@given(LABELS, LABELS)
def test_every_instance_is_in_one_class(truth: Volume, predicted: Volume) -> None:
    table, matching = matched(truth, predicted)
    tp = matching.iou.size
    for strata, some in ((by_size(table, matching), table.truth_ids.size > 0), (by_density(table, matching), True)):
        total = sum(strata.classes.values(), Stratum())
        assert (total.num_truth, total.num_predicted) == (table.truth_ids.size, some * table.predicted_ids.size)
        assert (total.found, total.right) == (tp, tp)
        assert total.sum_iou == pytest.approx(matching.iou.sum())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.randoms())
def test_classes_of_size_are_thirds(sizes: list[int], random: object) -> None:
    truth = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    # One voxel less: not found, where it is half or more of it.
    predicted = np.where(np.diff(truth, prepend=0) > 0, 0, truth)
    strata = by_size(*matched(truth, predicted))
    first, second = (sorted(sizes)[int(np.ceil(len(sizes) * third / 3)) - 1] for third in (1, 2))
    assert strata.edges == (first, second)
    members = {"small": [n for n in sizes if n <= first], "medium": [n for n in sizes if first < n <= second]}
    members["large"] = [n for n in sizes if n > second]
    for name, each in members.items():
        found = [(n - 1) / n for n in each if n > 2]
        stratum = strata.classes[name]
        assert (stratum.num_truth, stratum.found) == (len(each), len(found))
        assert stratum.sum_iou == pytest.approx(sum(found))
        assert stratum.num_predicted == sum(
            (n <= first, first < n <= second, n > second)[SIZES.index(name)] for n in (n - 1 for n in sizes) if n
        )


def counted(centers: list[np.ndarray], reach: float) -> list[int]:
    return [sum(float(np.linalg.norm(one - other)) <= reach for other in centers) - 1 for one in centers]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.5, 0.7)])
def test_neighbours_are_those_within_reach_in_space(spacing: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    truth, predicted = blobs(rng), blobs(rng)
    table = overlaps(truth, predicted)
    true, of_predicted = neighbours(table, spacing)
    ids = [n for n in np.unique(truth) if n]
    centers = [np.argwhere(truth == n).mean(axis=0) * spacing for n in ids]
    volumes = [(truth == n).sum() * np.prod(spacing) for n in ids]
    diameter = np.mean([2 * (3 * volume / (4 * np.pi)) ** (1 / 3) for volume in volumes])
    assert mean_diameter(table, spacing) == pytest.approx(diameter)
    assert true.tolist() == counted(centers, 1.5 * diameter)
    assert len(set(true.tolist())) > 3
    for n, found in zip(table.predicted_ids, of_predicted, strict=True):
        center = np.argwhere(predicted == n).mean(axis=0) * spacing
        nearest = np.argmin([np.linalg.norm(center - other) for other in centers])
        assert found == true[nearest]


@given(LABELS)
def test_planes_twice_as_far_apart_are_twice_as_many_planes(truth: Volume) -> None:
    one, other = overlaps(truth, truth), overlaps(*[np.repeat(truth, 2, axis=0)] * 2)
    assert neighbours(one, (2, 1, 1))[0].tolist() == neighbours(other)[0].tolist()


def test_a_volume_of_one_plane_has_discs() -> None:
    plane = np.zeros((1, 10, 10), int)
    plane[0, 2:6, 3:5] = 4
    assert mean_diameter(overlaps(plane, plane), (9, 2, 3)) == pytest.approx(2 * (8 * 6 / np.pi) ** 0.5)


@pytest.mark.parametrize(("numbers", "name", "count"), [((1, 1, 3), "sparse", 3), ((1, 2, 2), "dense", 4), ((2, 2, 2), "crowded", 8)])  # fmt: skip
def test_classes_of_density(numbers: tuple[int, int, int], name: str, count: int) -> None:
    truth = cubes(*numbers)
    strata = by_density(*matched(truth, np.where(truth == 1, 0, truth)))
    assert strata.classes[name] == Stratum(count, count - 1, count - 1, count - 1, count - 1)
    assert sum(strata.classes.values(), Stratum()) == strata.classes[name]
    assert strata.edges == (2, 6)


def test_what_is_found_in_the_wrong_place_counts_where_it_lies() -> None:
    truth = np.zeros((9, 9, 40), int)
    truth[:, :, :9] = cubes(3, 3, 3)
    truth[3:6, 3:6, 30:33] = 99
    predicted = np.zeros_like(truth)
    predicted[4, 4, 4], predicted[4, 4, 27], predicted[4, 4, 35] = 1, 2, 3
    strata = by_density(*matched(truth, predicted))
    numbers = {name: each.num_predicted for name, each in strata.classes.items()}
    assert numbers == dict(zip(DENSITIES, (2, 0, 1), strict=True))


def test_between_two_nuclei_the_place_decides_not_the_name() -> None:
    truth, predicted = np.zeros((2, 1, 1, 31), int)
    truth[..., 5], truth[..., 25], truth[..., 26], predicted[..., 15] = 1, 2, 3, 1
    found = {
        neighbours(overlaps(np.array([0, *names])[truth], predicted))[1].item() for names in permutations([1, 2, 3])
    }
    assert len(found) == 1


def test_the_order_of_names_does_not_change_the_last_bit() -> None:
    truth = np.repeat(np.arange(1, 41), np.random.default_rng(0).integers(1, 90, 40))
    truth = np.resize(truth, (4, 25, truth.size // 100))
    names = [np.append(0, 1 + np.random.default_rng(seed).permutation(40)) for seed in range(20)]
    assert len({mean_diameter(overlaps(name[truth], truth)) for name in names}) == 1


def test_without_true_nuclei_there_are_no_sizes_but_what_is_wrong_still_lies_somewhere() -> None:
    nothing, something = np.zeros((2, 2, 2), int), np.ones((2, 2, 2), int)
    table, matching = matched(nothing, something)
    assert by_size(table, matching) == Strata((), dict.fromkeys(SIZES, Stratum()))
    assert by_density(table, matching).classes == {
        "sparse": Stratum(0, 0, 1, 0),
        **dict.fromkeys(DENSITIES[1:], Stratum()),
    }
    assert neighbours(table)[1].tolist() == [0]


def test_pooled_classes_keep_edges_that_are_common() -> None:
    one = Strata((2, 6), {"a": Stratum(1, 1, 2, 1, 0.75)})
    assert one + one == Strata((2, 6), {"a": Stratum(2, 2, 4, 2, 1.5)})
    assert (one + Strata((3, 6), {"a": Stratum()})).edges == ()
