"""Metrics that are computed on request, against their definitions written out."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import cdist

from auxcpvloss.metrics import Comparison, score
from auxcpvloss.metrics.registry import ON_REQUEST
from auxcpvloss.metrics.surfaces import surface_of
from tests.metrics.volumes import LABELS, Volume, ids

SPACING = st.sampled_from([(1.0, 1.0, 1.0), (4.0, 0.5, 0.5), (2.5, 0.25, 0.5)])


def surface(mask: Volume) -> Volume:
    """Surface voxels, (N, 3): what an erosion takes away from an instance."""
    return np.argwhere(mask & ~ndimage.binary_erosion(mask))


def pairs(truth: Volume, predicted: Volume) -> Iterator[tuple[Volume, Volume]]:
    """Masks of each pair with an IoU above 0.5."""
    for t in ids(truth):
        for p in ids(predicted):
            one, other = truth == t, predicted == p
            if (one & other).sum() / (one | other).sum() > 0.5:
                yield one, other


def similar(truth: Volume, predicted: Volume) -> Volume:
    """Predict most voxels right, so that there are pairs."""
    return np.where(np.indices(truth.shape).sum(axis=0) % 4, truth, predicted)


@given(LABELS)
def test_the_surface_is_what_an_erosion_takes_away(labels: Volume) -> None:
    found = surface_of(labels)
    assert sorted(set(found.ids)) == ids(labels)
    for label in ids(labels):
        assert sorted(found.of(label).tolist()) == sorted(surface(labels == label).tolist())


def test_the_surface_of_a_plane_is_its_outline() -> None:
    plane = np.ones((1, 4, 5), int)
    assert (len(surface_of(plane).voxels), len(surface_of(plane[:, :1, :1]).voxels)) == (14, 1)


@given(LABELS, LABELS, SPACING)
def test_distances_of_surfaces_are_those_of_all_pairs_of_voxels(
    truth: Volume, predicted: Volume, spacing: tuple[float, float, float]
) -> None:
    predicted = similar(truth, predicted)
    found = Comparison(predicted, truth, spacing).surface_distances
    expected = [cdist(*(surface(mask) * spacing for mask in pair)) for pair in pairs(truth, predicted)]
    assert sorted(sorted(one) for one, _ in found) == sorted(sorted(each.min(axis=1)) for each in expected)
    assert sorted(sorted(other) for _, other in found) == sorted(sorted(each.min(axis=0)) for each in expected)


@given(LABELS, LABELS)
def test_f1(truth: Volume, predicted: Volume) -> None:
    """Above an IoU of 0.5 each instance has one partner at most, so that pairs need no matching."""
    predicted = similar(truth, predicted)
    numbers = score(truth, predicted, ["f1"])
    masks = [(truth == t, predicted == p) for t in ids(truth) for p in ids(predicted)]
    iou = np.array([(one & other).sum() / (one | other).sum() for one, other in masks])
    number = len(ids(truth)) + len(ids(predicted))
    expected = [2 * (iou > twentieths / 20).sum() / number if number else 1 for twentieths in range(10, 20)]
    paths = ["0_5", "0_55", "0_6", "0_65", "0_7", "0_75", "0_8", "0_85", "0_9", "0_95"]
    assert [numbers[f"f1.th_{path}.fscore"] for path in paths] == pytest.approx(expected)
    assert numbers["f1.mean"] == pytest.approx(np.mean(expected))


@given(LABELS, LABELS)
def test_dice(truth: Volume, predicted: Volume) -> None:
    predicted = similar(truth, predicted)
    numbers = score(truth, predicted, ["dice"])
    true, found, both = ((mask > 0).sum() for mask in (truth, predicted, (truth > 0) & (predicted > 0)))
    each = [2 * (one & other).sum() / (one.sum() + other.sum()) for one, other in pairs(truth, predicted)]
    nothing = float(not truth.any() and not predicted.any())
    assert numbers["dice.foreground"] == pytest.approx(2 * both / (true + found) if true + found else nothing)
    assert numbers["dice.matched"] == pytest.approx(np.mean(each) if each else nothing)


@given(LABELS, LABELS)
def test_aji(truth: Volume, predicted: Volume) -> None:
    """Algorithm 1 of Kumar et al.; of equals, the instance that appears first in the nucleus."""
    intersection, union, used = 0, 0, set()
    for t in ids(truth):
        nucleus = truth == t
        iou = {p: (nucleus & (predicted == p)).sum() / (nucleus | (predicted == p)).sum() for p in dict.fromkeys(predicted[nucleus]) if p}  # fmt: skip
        best = predicted == max(iou, key=lambda p: iou[p], default=99)
        used |= set(predicted[best].tolist())
        intersection += (nucleus & best).sum()
        union += (nucleus | best).sum()
    union += sum((predicted == p).sum() for p in ids(predicted) if p not in used)
    numbers = score(truth, predicted, ["aggregated_jaccard"])
    assert numbers["aggregated_jaccard.AJI"] == (intersection / union if union else 1)
    assert numbers["aggregated_jaccard.union"] == union


@given(LABELS, LABELS, SPACING)
def test_hausdorff(truth: Volume, predicted: Volume, spacing: tuple[float, float, float]) -> None:
    predicted = similar(truth, predicted)
    numbers = score(truth, predicted, ["hausdorff"], spacing=spacing)
    each = []
    for pair in pairs(truth, predicted):
        table = cdist(*(surface(mask) * spacing for mask in pair))
        each.append(max(np.percentile(table.min(axis=axis), 95) for axis in (0, 1)))
    assert numbers.get("hausdorff.HD95") == (pytest.approx(np.mean(each)) if each else None)


@given(LABELS, LABELS, SPACING)
def test_average_surface_distance(truth: Volume, predicted: Volume, spacing: tuple[float, float, float]) -> None:
    predicted = similar(truth, predicted)
    numbers = score(truth, predicted, ["average_surface_distance"], spacing=spacing)
    each = []
    for pair in pairs(truth, predicted):
        table = cdist(*(surface(mask) * spacing for mask in pair))
        each.append((table.min(axis=0).sum() + table.min(axis=1).sum()) / sum(table.shape))
    assert numbers.get("average_surface_distance.ASD") == (pytest.approx(np.mean(each)) if each else None)


@given(LABELS, LABELS, SPACING)
def test_boundary(truth: Volume, predicted: Volume, spacing: tuple[float, float, float]) -> None:
    numbers = score(truth, predicted, ["boundary"], spacing=spacing)
    true, found = (
        np.concatenate([np.empty((0, 3)), *(surface(labels == label) for label in ids(labels))]) * spacing
        for labels in (truth, predicted)
    )
    near, nothing = cdist(true, found) <= spacing[2], float(not len(true) and not len(found))
    recall = near.any(axis=1).mean() if len(true) else nothing
    precision = near.any(axis=0).mean() if len(found) else nothing
    assert (numbers["boundary.recall"], numbers["boundary.precision"]) == (recall, precision)
    f = 2 * precision * recall / (precision + recall) if precision + recall else 0
    assert numbers["boundary.fscore"] == pytest.approx(f)


def test_the_tolerance_reaches_as_far_along_every_axis() -> None:
    truth, predicted = np.zeros((2, 9, 9, 9), int)
    truth[2:7, 2:7, 2:7] = 1
    for axis, size in ((0, 1.0), (2, 1.0), (0, 2.0), (2, 2.0)):
        predicted = np.roll(truth, 1, axis)
        scores = score(truth, predicted, ["boundary"], spacing=(size, 1.0, 1.0))
        assert (scores["boundary.fscore"] == 1) == (axis == 2 or size == 1)


def numbers_on_request(truth: Volume, predicted: Volume, spacing: tuple[float, float, float]) -> dict[str, float]:
    numbers = score(truth, predicted, list(ON_REQUEST), spacing=spacing)
    return {path: numbers[path] for metric in ON_REQUEST.values() for path in metric.numbers if path in numbers}


@given(LABELS, LABELS, st.tuples(*[st.integers(0, 3)] * 3))
def test_the_place_in_the_volume_changes_nothing(truth: Volume, predicted: Volume, shift: tuple[int, int, int]) -> None:
    padded = [np.pad(labels, 3) for labels in (truth, similar(truth, predicted))]
    moved = [np.roll(labels, shift, (0, 1, 2)) for labels in padded]
    there, here = (numbers_on_request(*pair, spacing=(4.6, 0.3, 0.3)) for pair in (moved, padded))
    assert there == pytest.approx(here)


@given(LABELS, LABELS, SPACING)
def test_changing_sides_exchanges_precision_and_recall(truth: Volume, predicted: Volume, spacing: tuple[float, float, float]) -> None:  # fmt: skip
    predicted = similar(truth, predicted)
    there, back = numbers_on_request(truth, predicted, spacing), numbers_on_request(predicted, truth, spacing)
    exchanged = {"precision": "recall", "num_gt": "num_pred", "FP": "FN"}
    exchanged |= {there: here for here, there in exchanged.items()}
    for path, value in there.items():
        table, _, name = path.rpartition(".")
        # A true nucleus goes with one instance, but an instance may go with several nuclei.
        if table != "aggregated_jaccard":
            assert value == pytest.approx(back[f"{table}.{exchanged.get(name, name)}"]), path
