from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from auxcpvloss.detection import match_points
from auxcpvloss.figures.layout import save
from auxcpvloss.figures.palette import PAPER
from auxcpvloss.figures.prediction import fullest_plane, point_prediction_figure, prediction_figure, show_head
from tests.figures.test_segmentation import HERE, SHIFTED, THERE, colors_of, noise, volume


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def prediction(*channels: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {f"head{i}": rng.normal(size=(count, 8, 45, 45)).astype(np.float32) for i, count in enumerate(channels)}


def test_every_channel_has_a_panel_with_its_range() -> None:
    values = np.zeros((2, 4, 5), np.float16)
    values[0, 1, 2], values[0, 3, 3], values[1] = -2.5, 1.5, 7
    first, second = show_head("sdt", values)
    assert first.heading == "sdt 0: -2.5 to 1.5"
    assert first.image.shape == (4, 5, 3)
    brightness = first.image.sum(axis=-1)
    assert np.unravel_index(brightness.argmin(), (4, 5)) == (1, 2)
    assert np.unravel_index(brightness.argmax(), (4, 5)) == (3, 3)
    # All equal: no range to divide by.
    assert second.heading == "sdt 1: 7 to 7"
    assert np.ptp(second.image, axis=(0, 1)).max() == 0
    assert [panel.heading for panel in show_head("sdt", values[:1])] == ["sdt: -2.5 to 1.5"]


def test_the_plane_with_most_nuclei_is_shown() -> None:
    assert (
        fullest_plane(volume((slice(6, 7), slice(0, 9), slice(0, 9)), (slice(1, 3), slice(20, 24), slice(0, 9)))) == 6
    )
    # Of planes 2 to 5 that nearest to the middle; the middle where there is nothing.
    assert fullest_plane(volume(HERE)) == 4
    assert fullest_plane(volume()) == 4


@pytest.mark.parametrize(("channels", "shape"), [((3,), (3, 3)), ((3, 1, 1), (4, 3))])
def test_hits_and_errors_are_those_of_the_whole_volume(
    path: Path, channels: tuple[int, ...], shape: tuple[int, int]
) -> None:
    # In the plane that is shown they overlap well; in the volume they do not.
    truth, result = volume((slice(3, 5), *HERE[1:]), THERE), volume((slice(0, 8), *HERE[1:]))
    save(path, prediction_figure(noise(), prediction(*channels), result, truth, title="worm"))
    image = imread(path)[..., :3]
    height, width = image.shape[:2]
    rows, columns = shape
    # Raw data, heads, truth and result come before: the panels of hits and errors, and the legend, come last.
    hits_and_errors = [3 + sum(channels), 4 + sum(channels)]
    boxes = [(number // columns, number % columns) for number in hits_and_errors]
    found = [
        colors_of(image[height * row // rows : height * (row + 1) // rows, width * column // columns : width * (column + 1) // columns])
        for row, column in boxes
    ]  # fmt: skip
    assert found == [set(), {"FP upon FN", "FN"}]
    assert {"FP upon FN", "FN"} <= set(PAPER.agreement)


def test_points_near_the_plane_are_marked(path: Path) -> None:
    points = np.array([(4, 10, 10), (1, 35, 5), (0, 20, 30)], np.float64)
    centers = np.array([(4, 11, 10), (7, 38, 38)], np.float64)
    save(path, point_prediction_figure(noise(), {}, 4, match_points(points, centers)))
    image = imread(path)[..., :3]
    _, found, wrong = np.array_split(image[: int(0.85 * len(image))], 3, axis=1)
    assert colors_of(found) == {"TP: both"}
    height, width = wrong.shape[:2]
    assert colors_of(wrong[height // 2 :, : width // 2]) == {"FP"}
    assert colors_of(wrong[height // 2 :, width // 2 :]) == {"FN"}
    # Four planes away.
    assert colors_of(wrong[: height // 2]) == set()
    save(path, point_prediction_figure(noise(), {}, 4, points[:1]))
    _, marked = np.array_split(imread(path)[..., :3], 2, axis=1)
    assert colors_of(marked) == {"TP: result only"}


def test_without_the_truth_there_is_no_agreement(path: Path) -> None:
    save(path, prediction_figure(noise(), {}, volume(HERE, SHIFTED)))
    image = imread(path)[..., :3]
    left, right = np.array_split(image, 2, axis=1)
    assert np.ptp(left, axis=-1).max() == 0
    assert np.ptp(right, axis=-1).max() > 0.4
