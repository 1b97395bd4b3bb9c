"""Distances and borders against their definitions, and what becomes of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods import METHODS, OUTSIDE, nedt_border, threeclass_outer
from auxcpvloss.methods.method import UNKNOWN
from auxcpvloss.methods.nedt_border import REACH, borders, depths
from tests.conftest import blobs
from tests.methods.test_targets import eroded_away, is_instance, labels_with_outside, over_greatest
from tests.segmentation.test_instances import relabelled_equal

seeds = st.integers(0, 2**32 - 1)
METHOD = METHODS["nedt_border"]


@given(labels_with_outside)
def test_distances_equal_a_loop_over_voxels(labels):
    def distances(given):
        found = np.zeros(labels.shape)
        for label in filter(is_instance, set(labels.ravel().tolist())):
            own, there = np.argwhere(labels == label), np.argwhere((given < IGNORED) & (given != label))
            near = there[((there >= own.min(0) - 1) & (there <= own.max(0) + 1)).all(axis=1)]
            for voxel in own:
                found[tuple(voxel)] = min((np.linalg.norm(v - voxel) for v in near), default=100)
        return found

    expected = over_greatest(labels, distances(labels), distances(np.where(labels == IGNORED, np.uint32(0), labels)))
    found = depths(labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], expected, atol=1e-6)


@given(seeds)
@settings(max_examples=10)
def test_distances_are_the_transform_of_each_nucleus_by_itself(seed):
    """In a volume that is annotated everywhere; its ends are no surface."""
    labels = blobs((20, 22, 24), 12, seed)
    for label in np.unique(labels[labels > 0]):
        alone = ndimage.distance_transform_edt(labels == label)
        expected = (alone / alone.max())[labels == label]
        np.testing.assert_allclose(depths(labels)[0][labels == label], expected, atol=1e-6)
    assert not depths(labels)[0][labels == 0].any()


def weights(steps):
    return np.prod(np.where(np.abs(steps) <= REACH, np.exp(-0.5 * steps.astype(float) ** 2), 0), axis=-1)


@given(labels_with_outside)
@settings(max_examples=25)
def test_borders_equal_a_loop_over_voxels(labels):
    boundary = np.zeros(labels.shape)
    for voxel in np.ndindex(labels.shape):
        boundary[voxel] = is_instance(labels[voxel]) and eroded_away(labels, voxel, 3)
    known, expected = np.argwhere(labels < IGNORED), np.zeros(labels.shape)
    for voxel in known:
        expected[tuple(voxel)] = np.average(boundary[tuple(known.T)], weights=weights(known - voxel))
    found = borders(labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_borders_of_an_image_are_filtered_in_two_dimensions():
    labels = blobs((1, 40, 50), 14, seed=2)
    boundary = np.zeros(labels.shape[1:], bool)
    for y, x in np.argwhere(labels[0]):
        boundary[y, x] = (labels[0, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2] != labels[0, y, x]).any()
    inner = np.s_[5:-5, 5:-5]
    np.testing.assert_allclose(borders(labels)[0, 0][inner], ndimage.gaussian_filter(boundary.astype(float), 1)[inner], atol=1e-4)  # fmt: skip


def test_borders_are_higher_where_nuclei_touch():
    labels = np.zeros((21, 21, 40), np.uint32)
    labels[:, :, 5:20], labels[:, :, 20:35] = 1, 2
    line = borders(labels)[0, 10, 10]
    assert line[5] == pytest.approx(0.4, abs=0.01)
    assert line[19] == line[20] == pytest.approx(0.64, abs=0.01)


@pytest.mark.parametrize("given_as", [OUTSIDE, IGNORED])
def test_what_lies_beyond_changes_nothing(given_as):
    labels = blobs((12, 14, 16), 10, seed=4)
    wide = np.pad(labels, [(3, 1), (0, 6), (2, 2)], constant_values=given_as)
    for target in (depths, borders):
        found, expected = target(wide)[:, 3:15, :14, 2:18], target(labels)
        # How far nuclei reach into what is not annotated is not known.
        expected = np.where(found == UNKNOWN, UNKNOWN, expected)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert (UNKNOWN in expected) == (target is depths and given_as == IGNORED)


def perfect(labels, **params):
    prediction = {head.name: head.perfect(head.target(labels)) for head in METHOD.heads}
    return METHOD.params(**params).decode(prediction)


@pytest.mark.parametrize("shape", [(40, 44, 48), (1, 120, 130)], ids=["volume", "image"])
def test_separate_nuclei_come_back_voxel_by_voxel(shape):
    labels = apart(shape)
    assert len(np.unique(labels)) > 6
    assert relabelled_equal(perfect(labels), labels)


def apart(shape):
    """Balls that do not touch, some of them cut by the end of the volume."""
    labels, rng, grid = np.zeros(shape, np.uint32), np.random.default_rng(0), np.indices(shape)
    for label in range(1, 60):
        squares = ((grid - rng.uniform(0, shape).reshape(3, 1, 1, 1)) ** 2).sum(axis=0)
        radius = rng.uniform(6, 9)
        if not labels[squares <= (radius + 2) ** 2].any():
            labels[squares <= radius**2] = label
    return labels


@pytest.mark.parametrize("radius", [5, 8])
def test_touching_nuclei_come_back_but_for_voxels_by_which_they_touch(balls, radius):
    labels = balls(radius=radius)
    found = perfect(labels)
    differs = (found != labels) & (threeclass_outer.target(labels)[0] != threeclass_outer.BORDER)
    assert not differs.any()
    assert found.max() == 3


def halves():
    """A nucleus in two pieces of seed, with a border of a height between them: {head: (1, 9, 9, 17)}."""
    depth = np.zeros((9, 9, 17), np.float32)
    depth[1:-1, 1:-1, 1:-1] = 0.5
    depth[2:-2, 2:-2, 2:7], depth[2:-2, 2:-2, 10:15] = 0.9, 0.9
    return depth


@pytest.mark.parametrize(("height", "count"), [(0.25, 1), (0.35, 2)])
def test_seeds_without_a_border_between_them_are_one_nucleus(height, count):
    border = np.zeros((9, 9, 17), np.float32)
    border[:, :, 8] = height
    prediction = {"nedt": halves()[np.newaxis], "border": border[np.newaxis]}
    assert METHOD.params().decode(prediction).max() == count
    assert METHOD.params(tolerance=0.2).decode(prediction).max() == 2


def test_a_path_around_a_border_joins_seeds():
    border = np.zeros((1, 9, 9, 17), np.float32)
    border[..., :7, 8] = 0.9
    assert METHOD.params().decode({"nedt": halves()[np.newaxis], "border": border}).max() == 1


def test_seeds_are_closed_then_chosen_by_size_then_eroded():
    border, depth = np.zeros((1, 1, 12, 40), np.float32), np.full((1, 1, 12, 40), 0.2, np.float32)
    border[..., 20:] = 0.9
    depth[..., 2:5, 2:5], depth[..., 3, 3] = 0.9, 0.1  # a ring
    depth[..., 3, 30:34] = 0.9  # four in a row: too small
    depth[..., 8, 25:31] = 0.9  # six in a row: nothing is left of them after the erosion
    prediction = {"nedt": depth, "border": border}
    assert METHOD.params().decode(prediction).max() == 1
    assert METHOD.params(seed_erosions=0).decode(prediction).max() == 2
    assert METHOD.params(seed_erosions=0, min_seed_size=4).decode(prediction).max() == 3
    # Of a ring, too, nothing is left.
    assert METHOD.params(seed_closings=0).decode(prediction).max() == 0


def test_instances_above_the_largest_size_are_dropped():
    labels = apart((1, 120, 130))
    sizes = np.bincount(labels.ravel())[1:]
    limit = int(np.median(sizes[sizes > 0]))
    found = perfect(labels, max_size=limit)
    assert relabelled_equal(found, np.where(np.isin(labels, 1 + np.flatnonzero(sizes <= limit)), labels, 0))


def test_confidence_is_the_share_of_the_depth_of_the_shape():
    labels = apart((1, 60, 60))
    share = np.where(labels == labels.max(), 0.4, 0.9)
    found = nedt_border.confidence({"nedt": depths(labels) * share}, labels)
    assert found == pytest.approx([0.9] * (len(found) - 1) + [0.4])


def test_what_votes_replace_has_no_effect():
    params = METHODS["nedt_border_cpv"].params
    unused = {"seed_thresh", "seed_closings", "min_seed_size", "seed_erosions", "tolerance"}
    assert unused <= params(seeds="votes").without_effect()
    assert unused <= params(use_cpv_for_seeds=True).without_effect()
    assert not unused & params().without_effect()
    assert "nedt" not in params(seeds="votes").slug()
