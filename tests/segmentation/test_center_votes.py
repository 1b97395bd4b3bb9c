"""Where vectors end, against loops over voxels, and on nuclei whose vectors are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from auxcpvloss.segmentation import center_votes, markers
from auxcpvloss.segmentation.arrays import SIX_NEIGHBOURS
from auxcpvloss.segmentation.center_votes import Ends
from tests.segmentation.test_instances import runs

shapes = st.sampled_from([(1, 6, 7), (4, 5, 6), (5, 1, 3), (5, 6, 7)])


def random_case(seed, shape, scale=3.0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, scale, (3, *shape)).astype(np.float32), rng.random(shape) < 0.6


def followed(vectors, voxel):
    last = np.array(vectors.shape[1:]) - 1
    place = np.array(voxel, np.float32)
    for _ in range(center_votes.STEPS):
        step = vectors[(slice(None), *np.rint(place).astype(int))]
        place = np.clip(place + step, 0, last).astype(np.float32)
    return place


@given(st.integers(0, 2**32 - 1), shapes, st.sampled_from([np.float32, np.float16]))
@settings(max_examples=25)
def test_vectors_are_followed_to_their_ends(seed, shape, dtype):
    vectors, foreground = random_case(seed, shape)
    vectors = vectors.astype(dtype)
    ends = center_votes.follow(vectors, runs(foreground))
    expected = [followed(vectors.astype(np.float32), voxel) for voxel in np.argwhere(foreground)]
    np.testing.assert_array_equal(ends.places, np.reshape(expected, (-1, 3)))


def test_what_is_no_number_ends_in_the_volume():
    vectors = np.full((3, 2, 3, 4), np.nan, np.float32)
    vectors[2] = np.inf
    ends = center_votes.follow(vectors, runs(np.ones((2, 3, 4), bool)))
    assert (ends.places >= 0).all()
    assert (ends.places <= [1, 2, 3]).all()


@pytest.mark.parametrize("axes", [(9.0, 14.0, 6.0), (0.0, 20.0, 11.0)])
def test_the_size_of_a_nucleus_follows_from_its_vectors(axes):
    shape = tuple(2 * int(a) + 3 if a else 1 for a in axes)
    middle = (np.array(shape) - 1) / 2
    vectors = (middle[:, None, None, None] - np.indices(shape)).astype(np.float32)
    inside = sum((vectors[i] / max(axes[i], 1)) ** 2 for i in range(3)) <= 1
    extent = center_votes.follow(vectors, runs(inside)).extent
    np.testing.assert_allclose(extent, np.maximum(axes, 1), rtol=0.05)
    # All its vectors end in its center: one nucleus of votes.
    votes = center_votes.smooth_votes(center_votes.follow(vectors, runs(inside)), shape, 0.25)
    assert votes.max() == pytest.approx(1, abs=0.1)
    assert center_votes.find_peaks(votes, 0.5).tolist() == [middle.tolist()]
    assert not len(center_votes.find_peaks(votes, 1.2))


@given(st.integers(0, 2**32 - 1), shapes)
@settings(max_examples=25)
def test_each_end_is_one_vote_where_it_is(seed, shape):
    rng = np.random.default_rng(seed)
    places = (rng.random((20, 3)) * (np.array(shape) - 1)).astype(np.float32)
    votes = np.zeros(shape, np.float32)
    center_votes._add_votes(places, votes)
    assert votes.sum() == pytest.approx(20, rel=1e-5)
    assert (votes >= 0).all()
    mean = (np.indices(shape) * votes).sum(axis=(1, 2, 3)) / 20
    np.testing.assert_allclose(mean, places.mean(axis=0), atol=1e-4)


@given(st.integers(0, 2**32 - 1), shapes)
@settings(max_examples=25)
def test_peaks_have_more_votes_than_their_neighbours(seed, shape):
    votes = np.random.default_rng(seed).integers(0, 12, shape).astype(np.float32)
    expected = []
    for place in np.ndindex(shape):
        near = [other for other in np.ndindex(shape) if other != place and np.abs(np.subtract(other, place)).max() == 1]
        more = all(votes[other] < votes[place] or (votes[other] == votes[place] and other > place) for other in near)
        if votes[place] > 5 and more:
            expected.append(list(place))
    assert center_votes.find_peaks(votes, 5).tolist() == expected


@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.sampled_from([0.5, 2.0, np.inf]))
@settings(max_examples=25)
def test_the_nearest_center_is_found_in_units_of_the_nucleus(seed, count, most):
    rng = np.random.default_rng(seed)
    ends = Ends((rng.random((30, 3)) * 9).astype(np.float32), rng.uniform(1, 5, 3))
    centers = rng.random((count, 3)) * 9
    found = center_votes.nearest(ends, centers, most)
    for place, number in zip(ends.places, found, strict=True):
        distances = [np.sqrt((((place - center) / ends.extent) ** 2).sum()) for center in centers]
        near = [i + 1 for i, distance in enumerate(distances) if distance < most]
        assert number == (min(near, key=lambda i: distances[i - 1]) if near else 0)


@given(st.integers(0, 2**32 - 1), shapes)
@settings(max_examples=40)
def test_of_each_number_the_greatest_piece_is_a_marker(seed, shape):
    rng = np.random.default_rng(seed)
    foreground = rng.random(shape) < 0.7
    numbers = np.where(foreground, rng.integers(0, 4, shape), 0)
    made = markers.greatest_pieces(runs(foreground), numbers[foreground])
    found = np.zeros(shape, int)
    found.reshape(-1)[made.runs.voxels] = np.repeat(made.numbers, made.runs.lengths)
    expected = np.zeros(shape, int)
    for rank, number in enumerate(np.unique(numbers[numbers > 0])):
        pieces, _ = ndimage.label(numbers == number, SIX_NEIGHBOURS)
        expected[pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()] = rank + 1
    np.testing.assert_array_equal(found, expected)


def test_a_component_whose_vectors_end_at_a_known_center_adds_none():
    foreground = np.ones((1, 5, 30), bool)
    seeds = np.zeros_like(foreground)
    seeds[0, 2, 3:6] = seeds[0, 2, 20:23] = seeds[0, 4, 5:9] = True
    places = np.zeros((150, 3), np.float32)
    places.reshape(5, 30, 3)[2, 3:6] = [0, 2, 10]
    places.reshape(5, 30, 3)[2, 20:23] = [[0, 2, 20], [0, 2, 21], [0, 2, 23.5]]
    # Of two nuclei: its vectors end at both of their centers.
    places.reshape(5, 30, 3)[4, 5:9] = [[0, 2, 11], [0, 2, 10], [0, 2, 1], [0, 2, 1]]
    ends = Ends(places, np.array([1.0, 4, 4]))
    known = np.array([[0.0, 2, 11], [0, 2, 1]])
    found = center_votes.add_components(known, ends, runs(seeds), runs(foreground))
    assert found.tolist() == [[0, 2, 11], [0, 2, 1], [0, 2, 21.5]]
    assert len(center_votes.add_components(center_votes.no_centers(), ends, runs(seeds), runs(foreground))) == 3


def test_centers_outside_the_foreground_are_no_markers():
    foreground = np.zeros((1, 3, 6), bool)
    foreground[0, 1, 1:5] = True
    made = markers.at_centers(np.array([[0, 1.2, 3.9], [0, 1, 5], [0, 0, 2], [0, 1, 0.8]]), runs(foreground))
    assert (made.runs.voxels.tolist(), made.numbers.tolist()) == ([7, 10], [1, 2])
