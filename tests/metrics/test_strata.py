from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.metrics import mean_diameter, neighbours, overlaps, score
from auxcpvloss.metrics.strata import DENSITIES, SIZES
from tests.metrics.volumes import LABELS, Volume, blobs

COUNTS = ("num_gt", "found", "num_pred", "right")


def counted(truth: Volume, predicted: Volume, table: str, names: tuple[str, ...]) -> list[tuple[int, ...]]:
    """True nuclei, those found, predicted instances, right ones, of each class."""
    scores = score(truth, predicted)
    return [tuple(scores[f"{table}.{name}.{count}"] for count in COUNTS) for name in names]


def cubes(*numbers: int) -> Volume:
    """So many cubes of 3 x 3 x 3 voxels along each axis, without a gap. All that share a corner are in reach."""
    labels = np.arange(1, np.prod(numbers) + 1).reshape(numbers)
    for axis in range(3):
        labels = np.repeat(labels, 3, axis=axis)
    return labels


@given(LABELS, LABELS)
def test_every_instance_is_in_one_class(truth: Volume, predicted: Volume) -> None:
    n, m, scores = len(set(truth.flat) - {0}), len(set(predicted.flat) - {0}), score(truth, predicted)
    tp = scores["confusion_matrix.th_0_5.TP"]
    for table, names in (("by_size", SIZES), ("by_density", DENSITIES)):
        predictions = m if n or table == "by_density" else 0
        assert tuple(map(sum, zip(*counted(truth, predicted, table, names), strict=True))) == (n, tp, predictions, tp)
        found = [(scores[f"{table}.{name}.found"], scores.get(f"{table}.{name}.mean_matched_iou")) for name in names]
        total = sum(count * mean for count, mean in found if count)
        assert total == pytest.approx(tp * scores["quality.mean_matched_iou"])
        for name, (num_gt, hit, num_pred, right) in zip(names, counted(truth, predicted, table, names), strict=True):
            assert scores.get(f"{table}.{name}.recall") == (hit / num_gt if num_gt else None)
            assert scores.get(f"{table}.{name}.precision") == (right / num_pred if num_pred else None)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_classes_of_size_are_thirds(sizes: list[int]) -> None:
    truth = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    # One voxel less: not found, where it is half or more of it.
    scores = score(truth, np.where(np.diff(truth, prepend=0) > 0, 0, truth))
    first, second = (sorted(sizes)[int(np.ceil(len(sizes) * third / 3)) - 1] for third in (1, 2))
    assert scores["by_size.edges"] == [first, second]

    def of(values: list[int]) -> list[list[int]]:
        return [[n for n in values if n <= first], [n for n in values if first < n <= second], [n for n in values if n > second]]  # fmt: skip

    smaller = of([n - 1 for n in sizes if n > 1])
    for name, each, fewer in zip(SIZES, of(sizes), smaller, strict=True):
        found = [(n - 1) / n for n in each if n > 2]
        assert [scores[f"by_size.{name}.{key}"] for key in COUNTS[:3]] == [len(each), len(found), len(fewer)]
        assert scores.get(f"by_size.{name}.mean_matched_iou", 0) == pytest.approx(np.mean(found) if found else 0)


def within(centers: list[np.ndarray], reach: float) -> list[int]:
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
    assert true.tolist() == within(centers, 1.5 * diameter)
    assert len(set(true.tolist())) > 3
    for n, found in zip(table.predicted_ids, of_predicted, strict=True):
        center = np.argwhere(predicted == n).mean(axis=0) * spacing
        assert found == true[np.argmin([np.linalg.norm(center - other) for other in centers])]


@given(LABELS)
def test_planes_twice_as_far_apart_are_twice_as_many_planes(truth: Volume) -> None:
    one, other = overlaps(truth, truth), overlaps(*[np.repeat(truth, 2, axis=0)] * 2)
    assert neighbours(one, (2, 1, 1))[0].tolist() == neighbours(other)[0].tolist()


def test_a_volume_of_one_plane_has_discs() -> None:
    plane = np.zeros((1, 10, 10), int)
    plane[0, 2:6, 3:5] = 4
    assert mean_diameter(overlaps(plane, plane), (9, 2, 3)) == pytest.approx(2 * (8 * 6 / np.pi) ** 0.5)


@pytest.mark.parametrize(("numbers", "place", "count"), [((1, 1, 3), 0, 3), ((1, 2, 2), 1, 4), ((2, 2, 2), 2, 8)])
def test_classes_of_density(numbers: tuple[int, int, int], place: int, count: int) -> None:
    truth = cubes(*numbers)
    found = counted(truth, np.where(truth == 1, 0, truth), "by_density", DENSITIES)
    assert (found[place], sum(map(sum, found))) == ((count, count - 1, count - 1, count - 1), sum(found[place]))
    assert score(truth, truth)["by_density.edges"] == [2, 6]


def test_what_is_found_in_the_wrong_place_counts_where_it_lies() -> None:
    truth = np.zeros((9, 9, 40), int)
    truth[:, :, :9] = cubes(3, 3, 3)
    truth[3:6, 3:6, 30:33] = 99
    predicted = np.zeros_like(truth)
    predicted[4, 4, 4], predicted[4, 4, 27], predicted[4, 4, 35] = 1, 2, 3
    assert [numbers[2] for numbers in counted(truth, predicted, "by_density", DENSITIES)] == [2, 0, 1]


def test_between_two_nuclei_the_place_decides_not_the_name() -> None:
    truth, predicted = np.zeros((2, 1, 1, 31), int)
    truth[..., 5], truth[..., 25], truth[..., 26], predicted[..., 15] = 1, 2, 3, 1
    found = {neighbours(overlaps(np.array([0, *names])[truth], predicted))[1].item() for names in permutations([1, 2, 3])}  # fmt: skip
    assert len(found) == 1


def test_the_order_of_names_does_not_change_the_last_bit() -> None:
    truth = np.repeat(np.arange(1, 41), np.random.default_rng(0).integers(1, 90, 40))
    truth = np.resize(truth, (4, 25, truth.size // 100))
    names = [np.append(0, 1 + np.random.default_rng(seed).permutation(40)) for seed in range(20)]
    assert len({mean_diameter(overlaps(name[truth], truth)) for name in names}) == 1


def test_without_true_nuclei_there_are_no_sizes_but_what_is_wrong_still_lies_somewhere() -> None:
    nothing, something = np.zeros((2, 2, 2), int), np.ones((2, 2, 2), int)
    assert counted(nothing, something, "by_size", SIZES) == [(0, 0, 0, 0)] * 3
    assert "by_size.edges" not in score(nothing, something)
    assert counted(nothing, something, "by_density", DENSITIES) == [(0, 0, 1, 0), (0, 0, 0, 0), (0, 0, 0, 0)]
    assert neighbours(overlaps(nothing, something))[1].tolist() == [0]
