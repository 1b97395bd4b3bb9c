from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.figures.differences import differences, differences_figure, show_differences
from auxcpvloss.figures.palette import COLORBLIND, PAPER, Palette
from auxcpvloss.metrics import Matching, match, overlaps
from tests.figures.test_segmentation import HERE, SHIFTED, THERE, noise, volume


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


def test_the_plane_is_shown_and_the_counts_are_those_of_the_volume() -> None:
    truth, result = volume(HERE, (slice(0, 1), *THERE[1:])), volume(HERE)
    figure = differences_figure(noise(), result, truth, title="worm")
    raw, expected, found, xor = figure.axes[:4]
    assert raw.get_title() == "raw data, z = 4"
    assert (expected.get_title(), found.get_title(), xor.get_title()) == ("ground truth: 1", "result: 1", "XOR")
    title = next(legend.get_title().get_text() for ax in figure.axes if (legend := ax.get_legend()))
    assert title == "all planes, IoU > 0.5: TP 1, FP 0, FN 1, AP 0.500"
    # Nothing differs there; all of it does in the plane of the missed one.
    assert np.array_equal(xor.images[0].get_array(), raw.images[0].get_array())
    other = differences_figure(noise(), result, truth, z=0).axes[3].images[0].get_array()
    assert np.ptp(np.asarray(other), axis=-1).max() > 0.5
