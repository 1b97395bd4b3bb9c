from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.looking.figures.differences import differences, show_differences
from auxcpvloss.looking.figures.palette import COLORBLIND, PAPER, Palette
from auxcpvloss.metrics import Matching, match, overlaps
from tests.looking.figures.test_segmentation import HERE, SHIFTED, THERE, volume


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint64]))
def test_as_written_out_voxel_by_voxel(seed: int, kind: type[np.unsignedinteger]) -> None:
    rng = np.random.default_rng(seed)
    truth, result = (rng.integers(0, 5, (2, 3, 4)).astype(kind) * kind(40) for _ in range(2))
    matched = match(overlaps(truth, result), 0.1)
    partner = dict(zip(matched.truth.tolist(), matched.predicted.tolist(), strict=True))
    missed, differs = differences(truth, result, matched)
    for place in np.ndindex(truth.shape):
        expected, there = int(truth[place]), int(result[place])
        if expected and expected not in partner:
            assert (missed[place], differs[place]) == (True, False)
        else:
            assert (missed[place], differs[place]) == (False, there != partner.get(expected, 0))


@pytest.mark.parametrize("colors", [PAPER, COLORBLIND])
def test_missed_nuclei_are_whole_and_of_the_others_only_what_differs(colors: Palette) -> None:
    truth, result = volume(HERE, THERE), volume(SHIFTED)
    matched = match(overlaps(truth, result), 0.5)
    black = np.zeros((45, 45, 3))
    panel = show_differences(truth[4], result[4], matched, black, colors)
    differs = np.zeros((45, 45), bool)
    differs[5:20, 5:8] = differs[5:20, 20:23] = True
    assert np.array_equal(np.all(panel.image == colors.difference, axis=-1), differs)
    assert np.allclose(panel.image[25:40, 25:40], 0.65 * np.array(colors.missed[0]))
    assert np.all(panel.image[~differs & (truth[4] != 2)] == 0)
    assert panel.shown == {"FN, a color each": colors.missed[0], "pixels that differ": colors.difference}


def test_nuclei_missed_side_by_side_have_colors_of_their_own() -> None:
    truth = np.repeat(np.arange(1, 5, dtype=np.uint32), 3).reshape(4, 3)
    nothing = Matching(*(np.array([], kind) for kind in (np.uint32, np.uint32, np.float64)))
    image = show_differences(truth, 0 * truth, nothing, np.zeros((4, 3, 3))).image
    assert len({tuple(color) for color in image[:, 0]}) == 4
