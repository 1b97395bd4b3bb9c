import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auxcpvloss.looking.figures.palette import COLORBLIND, PAPER, Palette
from auxcpvloss.looking.figures.panels import (
    differences,
    distinct_colors,
    project_raw,
    show_differences,
    show_head,
    show_instances,
)
from auxcpvloss.metrics import Matching, match, overlaps
from tests.looking.figures.volumes import HERE, SHIFTED, THERE, noise, volume


def test_contrast_leaves_out_the_extremes() -> None:
    raw = np.zeros((3, 100, 100))
    raw[1] = np.arange(10_000).reshape(100, 100)
    raw[0, 0, 0] = 1e9
    gray = project_raw(raw)
    assert (gray.shape, gray[0, 0, 0]) == ((100, 100, 3), 1)
    assert (gray[0, 50, 0], gray[50, 0, 0]) == (0, pytest.approx(0.5, abs=0.01))
    assert project_raw(np.full((2, 3, 4), 7)).max() == 0


def test_colors_of_instances_are_distinct_and_always_the_same() -> None:
    colors = distinct_colors(600)
    assert np.array_equal(colors[:50], distinct_colors(50))
    assert len(np.unique(np.round(colors, 3), axis=0)) == 600
    assert np.abs(np.diff(colors, axis=0)).max(axis=1).min() > 0.2
    assert colors.max(axis=1).min() > 0.7
    assert show_instances("result", volume(HERE, THERE), project_raw(noise())).heading == "result: 2"


def test_every_channel_has_a_panel_with_its_range() -> None:
    values = np.zeros((2, 4, 5), np.float16)
    values[0, 1, 2], values[0, 3, 3], values[1] = -2.5, 1.5, 7
    first, second = show_head("sdt", values)
    assert (first.heading, first.image.shape) == ("sdt 0: -2.5 to 1.5", (4, 5, 3))
    brightness = first.image.sum(axis=-1)
    assert np.unravel_index(brightness.argmin(), (4, 5)) == (1, 2)
    assert np.unravel_index(brightness.argmax(), (4, 5)) == (3, 3)
    # All equal: no range to divide by.
    assert (second.heading, np.ptp(second.image, axis=(0, 1)).max()) == ("sdt 1: 7 to 7", 0)
    assert [panel.heading for panel in show_head("sdt", values[:1])] == ["sdt: -2.5 to 1.5"]


@given(st.integers(0, 2**32 - 1), st.sampled_from([np.uint8, np.uint64]))
def test_differences_are_as_written_out_voxel_by_voxel(seed: int, kind: type[np.unsignedinteger]) -> None:
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
    panel = show_differences(truth[4], result[4], match(overlaps(truth, result), 0.5), np.zeros((45, 45, 3)), colors)
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
