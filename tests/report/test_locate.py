from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auxcpvloss.report.locate import REACH, locate, mean_diameter, neighbours
from tests.conftest import blobs


def test_places_equal_those_found_one_by_one():
    labels = blobs((20, 24, 28), 12, seed=3).astype(np.uint64) * (2**60 + 1)
    wanted = np.unique(labels)[[3, 1, 7]]
    places = locate(labels, np.append(wanted, np.uint64(5)))
    assert places.ids.tolist() == sorted(wanted.tolist())
    for one, anchor, extent, size in zip(*places, strict=True):
        at = np.argwhere(labels == one)
        assert size == len(at)
        assert extent.tolist() == (at.max(axis=0) - at.min(axis=0) + 1).tolist()
        distance = ((at - at.mean(axis=0)) ** 2).sum(axis=1)
        assert ((anchor - at.mean(axis=0)) ** 2).sum() == pytest.approx(distance.min())
        assert labels[tuple(anchor)] == one


def test_the_anchor_of_a_hollow_instance_is_in_it():
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 1:8, 1:8] = 4
    labels[0, 3:6, 3:6] = 0
    (anchor,) = locate(labels, np.array([4])).anchors
    assert labels[tuple(anchor)] == 4


def test_of_nothing_there_are_no_places():
    places = locate(np.zeros((3, 3, 3), int), np.array([1]))
    assert [len(each) for each in places] == [0, 0, 0, 0]


def test_the_mean_diameter_is_that_of_balls_in_space():
    radii = np.array([3.0, 5.0])
    sizes = (4 / 3 * np.pi * radii**3 / (2 * 0.5 * 0.5)).astype(int)
    assert mean_diameter(sizes, (2.0, 0.5, 0.5)) == pytest.approx(8, abs=0.1)
    assert mean_diameter(np.empty(0, int), (2.0, 0.5, 0.5)) == 2


@given(
    arrays(float, (5, 3), elements=st.floats(0, 30)),
    arrays(float, (9, 3), elements=st.floats(0, 30), unique=True),
    st.floats(1, 20),
)
def test_neighbours_are_counted_around_the_nearest_nucleus(places, centers, diameter):
    voxel_size = (2.0, 1.0, 0.5)

    def distances(place: np.ndarray) -> np.ndarray:
        return np.sqrt((((centers - place) * voxel_size) ** 2).sum(axis=1))

    found = neighbours(places, centers, voxel_size, diameter)
    for place, number in zip(places, found, strict=True):
        nearest = np.flatnonzero(distances(place) <= distances(place).min() + 1e-9)
        allowed = set()
        for each in nearest:
            others = distances(centers[each])
            # At the very edge the last bit decides.
            allowed |= set(range(int((others < REACH * diameter - 1e-9).sum()), int((others <= REACH * diameter + 1e-9).sum()) + 1))  # fmt: skip
        assert number + 1 in allowed


def test_where_no_nucleus_is_true_there_are_no_neighbours():
    assert neighbours(np.zeros((2, 3)), np.empty((0, 3)), (1.0, 1.0, 1.0), 5.0).tolist() == [0, 0]
