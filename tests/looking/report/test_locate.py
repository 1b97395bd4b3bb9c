from __future__ import annotations

import numpy as np
import pytest

from auxcpvloss.looking.report.locate import locate
from tests.conftest import blobs


def test_places_equal_those_found_one_by_one():
    labels = blobs((20, 24, 28), 12, seed=3).astype(np.uint64) * (2**60 + 1)
    wanted = np.unique(labels)[[3, 1, 7]]
    places = locate(labels, np.append(wanted, np.uint64(5)))
    assert list(places) == sorted(wanted.tolist())
    for one, place in places.items():
        at = np.argwhere(labels == one)
        assert place.size == len(at)
        assert place.extent == tuple((at.max(axis=0) - at.min(axis=0) + 1).tolist())
        distance = ((at - at.mean(axis=0)) ** 2).sum(axis=1)
        assert ((place.center - at.mean(axis=0)) ** 2).sum() == pytest.approx(distance.min())
        assert labels[place.center] == one


def test_the_center_of_a_hollow_instance_is_in_it():
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 1:8, 1:8] = 4
    labels[0, 3:6, 3:6] = 0
    assert labels[locate(labels, np.array([4]))[4].center] == 4


def test_of_nothing_there_are_no_places():
    assert locate(np.zeros((3, 3, 3), int), np.array([1])) == {}
