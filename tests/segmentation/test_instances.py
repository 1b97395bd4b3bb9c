import mahotas
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from auxcpvloss.segmentation import watershed
from auxcpvloss.segmentation.arrays import SIX_NEIGHBOURS
from auxcpvloss.segmentation.dilation import dilate
from auxcpvloss.segmentation.runs import find_runs, intersect, number_components
from auxcpvloss.segmentation.watershed import keep_sizes

shapes = st.tuples(st.integers(1, 5), st.integers(1, 6), st.integers(1, 7))
# Few heights, so that there are plateaus.
maps = shapes.flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=st.sampled_from([0, 0.25, 0.5, 0.75, 1])),
        arrays(np.bool_, shape, elements=st.booleans()),
        arrays(np.bool_, shape, elements=st.sampled_from([False, True, True])),
    )
)


def runs(mask):
    return find_runs(np.flatnonzero(mask), mask.shape)


def seeded_watershed(surface, seeds, foreground, flood="foreground"):
    return watershed.seeded_watershed(surface, runs(seeds), runs(foreground), flood)


def neighbours(place, shape):
    for axis in range(3):
        for step in (-1, 1):
            other = list(place)
            other[axis] += step
            if 0 <= other[axis] < shape[axis]:
                yield tuple(other)


def relabelled_equal(a, b):
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return len(pairs) == len({x for x, _ in pairs}) == len({y for _, y in pairs}) and all((x == 0) == (y == 0) for x, y in pairs)  # fmt: skip


@given(maps)
def test_flooding_piece_by_piece_equals_flooding_all_of_a_walled_volume(arguments):
    surface, seeds, foreground = arguments
    markers, _ = ndimage.label(seeds & foreground, SIX_NEIGHBOURS)
    pieces, _ = ndimage.label(foreground, SIX_NEIGHBOURS)
    expected = np.zeros(surface.shape, dtype=int)
    for piece in range(1, pieces.max() + 1):
        inside = pieces == piece
        if markers[inside].any():
            walled = np.where(inside, surface, 10).astype(np.float32)
            expected[inside] = mahotas.cwatershed(walled, np.where(inside, markers, 0), Bc=SIX_NEIGHBOURS)[inside]
    # With the same numbers, and the same choice between equal heights.
    np.testing.assert_array_equal(seeded_watershed(surface, seeds, foreground), expected)


@given(maps)
def test_runs_hold_the_voxels_of_masks(arguments):
    _, seeds, mask = arguments
    assert runs(mask).voxels.tolist() == np.flatnonzero(mask).tolist()
    assert (runs(mask).starts // mask.shape[2] == (runs(mask).stops - 1) // mask.shape[2]).all()
    both, within = intersect(runs(seeds), runs(mask))
    assert both.voxels.tolist() == np.flatnonzero(seeds & mask).tolist()
    assert (runs(mask).starts[within] <= both.starts).all()
    assert (runs(mask).stops[within] >= both.stops).all()


@given(maps)
def test_components_are_numbered_as_by_ndimage(arguments):
    mask = arguments[2]
    numbers, count = number_components(runs(mask))
    found = np.zeros(mask.shape, int)
    found.reshape(-1)[runs(mask).voxels] = np.repeat(numbers, runs(mask).lengths)
    expected, number = ndimage.label(mask, SIX_NEIGHBOURS)
    np.testing.assert_array_equal(found, expected)
    assert count == number


@given(maps)
def test_every_instance_is_one_piece_with_one_seed_in_the_foreground(arguments):
    surface, seeds, foreground = arguments
    instances = seeded_watershed(surface, seeds, foreground)
    assert not instances[~foreground].any()
    markers, number = ndimage.label(seeds & foreground, SIX_NEIGHBOURS)
    assert set(np.unique(instances)) - {0} == set(range(1, number + 1))
    for instance in range(1, number + 1):
        assert ndimage.label(instances == instance, SIX_NEIGHBOURS)[1] == 1
        assert len(np.unique(markers[(instances == instance) & (markers > 0)])) == 1
    # Pieces of the foreground are taken whole or not at all.
    pieces, count = ndimage.label(foreground, SIX_NEIGHBOURS)
    for piece in range(1, count + 1):
        assert len(np.unique(instances[pieces == piece] > 0)) == 1


@given(maps)
def test_flooding_the_volume_is_the_originals_way(arguments):
    surface, seeds, foreground = arguments
    markers, number = ndimage.label(seeds, SIX_NEIGHBOURS)
    expected = np.where(foreground, mahotas.cwatershed(surface, markers, Bc=SIX_NEIGHBOURS), 0) if number else 0 * markers  # fmt: skip
    present = np.unique(expected[expected > 0])
    expected = np.where(expected > 0, np.searchsorted(present, expected) + 1, 0)
    np.testing.assert_array_equal(seeded_watershed(surface, seeds, foreground, flood="volume"), expected)


def test_a_piece_without_a_seed_is_left_or_taken_through_the_background():
    surface = np.zeros((1, 1, 7), np.float32)
    seeds = np.array([[[0, 1, 0, 0, 0, 0, 0]]], bool)
    foreground = np.array([[[1, 1, 1, 0, 1, 1, 0]]], bool)
    assert seeded_watershed(surface, seeds, foreground).ravel().tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert seeded_watershed(surface, seeds, foreground, flood="volume").ravel().tolist() == [1, 1, 1, 0, 1, 1, 0]


def test_the_water_meets_at_the_ridge():
    surface = np.array([[[0, 0.2, 0.9, 0.1, 0]]], np.float32)
    seeds = surface == 0
    assert seeded_watershed(surface, seeds, np.ones_like(seeds)).ravel()[[0, 1, 3, 4]].tolist() == [1, 1, 2, 2]


def test_more_instances_than_16_bits_hold():
    seeds = np.zeros((1, 600, 600), bool)
    seeds[0, ::2, ::2] = True
    assert seeded_watershed(np.zeros(seeds.shape, np.float32), seeds, seeds).max() == 90_000


@given(arrays(np.uint32, shapes, elements=st.sampled_from([0, 0, 0, 1, 2, 70_000])), st.integers(0, 2))
def test_dilation_equals_a_loop_over_voxels(labels, steps):
    expected = labels.copy()
    for _ in range(steps):
        before = expected.copy()
        for place in np.ndindex(labels.shape):
            around = {int(before[n]) for n in neighbours(place, labels.shape)} - {0}
            if before[place] == 0 and len(around) == 1:
                expected[place] = around.pop()
    grown = labels.copy()
    edge = dilate(grown, steps, np.flatnonzero(labels))
    np.testing.assert_array_equal(grown, expected)
    # Going on from the edge is as good as beginning anew.
    again = grown.copy()
    dilate(grown, 1, edge)
    dilate(again, 1, np.flatnonzero(again))
    np.testing.assert_array_equal(grown, again)


@given(
    arrays(np.uint32, shapes, elements=st.sampled_from([0, 0, 1, 2, 2, 70_000])), st.integers(0, 6), st.integers(0, 9)
)
def test_instances_of_other_sizes_are_dropped_and_the_rest_kept(labels, least, most):
    kept = keep_sizes(labels.copy(), least, most)
    for label in np.unique(labels[labels > 0]):
        where = labels == label
        assert (len(np.unique(kept[where])), (kept[where] > 0).all()) == (1, least <= where.sum() <= (most or 10**9))
    assert not kept[labels == 0].any()


@pytest.mark.parametrize("flood", ["foreground", "volume"])
def test_no_seeds_no_instances(flood):
    nothing = np.zeros((2, 3, 4), bool)
    assert not seeded_watershed(np.zeros(nothing.shape, np.float32), nothing, ~nothing, flood).any()


def test_a_ring_without_a_seed_takes_nothing_from_the_nucleus_in_it():
    foreground = np.zeros((1, 7, 7), bool)
    foreground[0, 0] = foreground[0, -1] = foreground[0, :, 0] = foreground[0, :, -1] = foreground[0, 3, 3] = True
    seeds = np.zeros_like(foreground)
    seeds[0, 3, 3] = True
    found = seeded_watershed(np.zeros(foreground.shape, np.float32), seeds, foreground)
    assert found[0, 3, 3] == 1
    assert not found[0, 0].any()
