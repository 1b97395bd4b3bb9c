"""Which instances count as right where confidence is calibrated."""

import numpy as np
import pytest

from auxcpvloss.metrics import Comparison
from auxcpvloss.stages.calibrate import rightness
from auxcpvloss.system.errors import InputError


def test_what_is_right():
    truth, found = np.zeros((1, 4, 12), int), np.zeros((1, 4, 12), int)
    truth[0, :, :4], truth[0, :, 6:] = 1, 2
    found[0, :, :4], found[0, :2, 6:], found[0, 3, 5] = 7, 3, 9
    ids, right = rightness(Comparison(found, truth))
    # Half of the second one is not more than 0.5.
    assert dict(zip(ids.tolist(), right.tolist(), strict=True)) == {3: False, 7: True, 9: False}
    ids, right = rightness(Comparison(found, truth, outlines=False))
    assert dict(zip(ids.tolist(), right.tolist(), strict=True)) == {3: True, 7: True, 9: False}
    points = np.array([[0.0, 2.0, 2.0]])
    ids, right = rightness(Comparison(found, points, distance_limit=3))
    assert dict(zip(ids.tolist(), right.tolist(), strict=True)) == {3: False, 7: True, 9: False}
    with pytest.raises(InputError, match="foreground_only"):
        rightness(Comparison(found, points, distance_limit=3, foreground_only=True))
