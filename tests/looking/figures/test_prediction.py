from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from auxcpvloss.looking.figures.layout import save
from auxcpvloss.looking.figures.prediction import fullest_plane, point_prediction_figure, prediction_figure, show_head
from auxcpvloss.metrics.detection import match_points
from tests.looking.figures.test_segmentation import HERE, SHIFTED, THERE, colors_of, noise, volume


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


def shown(figure: Figure) -> dict[str, np.ndarray[Any, Any]]:
    """Images by heading."""
    return {ax.get_title(): np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images}


@pytest.mark.parametrize("channels", [(3,), (3, 1, 1)])
def test_hits_errors_and_differences_are_those_of_the_whole_volume(channels: tuple[int, ...]) -> None:
    # In the plane that is shown they overlap well; in the volume they do not.
    truth, result = volume((slice(3, 5), *HERE[1:]), THERE), volume((slice(0, 8), *HERE[1:]))
    figure = prediction_figure(noise(), prediction(*channels), result, truth, title="worm")
    panels = shown(figure)
    assert len(panels) == 6 + sum(channels)
    assert (colors_of(panels["true positives"]), colors_of(panels["FP and FN"])) == (set(), {"FP upon FN", "FN"})
    missed = truth[4] > 0
    assert np.array_equal(np.any(panels["XOR"] != panels["raw data, z = 4"], axis=-1), missed)
    legends = [*figure.legends, *(legend for ax in figure.axes if (legend := ax.get_legend()))]
    assert [legend.get_title().get_text() for legend in legends] == [
        "all planes, IoU > 0.5: TP 0, FP 1, FN 2, AP 0.000"
    ]


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
