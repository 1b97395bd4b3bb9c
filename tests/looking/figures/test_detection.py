from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from auxcpvloss.looking.figures.detection import detection_figure, points_figure
from auxcpvloss.looking.figures.layout import save
from auxcpvloss.metrics.detection import match_points
from tests.looking.figures.test_segmentation import colors_of, noise

SHAPE = (8, 45, 45)


def points_of(*places: tuple[float, float, float]) -> NDArray[np.float64]:
    return np.array(places, np.float64).reshape(-1, 3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def panels(path: Path) -> list[NDArray[Any]]:
    """The panels, which stand side by side; below them is the legend."""
    image = imread(path)[..., :3]
    return np.array_split(image[: int(0.85 * len(image))], 3, axis=1)


def test_what_is_found_wrong_and_missed_has_its_color_in_its_panel(path: Path) -> None:
    points = points_of((4, 10, 10), (4, 20, 30), (1, 35, 5))
    centers = points_of((4, 11, 10), (4, 21, 30), (4, 38, 38))
    detections = match_points(points, centers)
    save(path, detection_figure(noise(SHAPE), detections, title="volume"))
    raw, found, wrong = panels(path)
    assert np.ptp(raw, axis=-1).max() == 0
    assert colors_of(found) == {"TP: both"}
    assert colors_of(wrong) == {"FP", "FN"}
    # Wrong is the lower left, missed the lower right.
    height, width = wrong.shape[:2]
    assert colors_of(wrong[height // 2 :, : width // 2]) == {"FP"}
    assert colors_of(wrong[height // 2 :, width // 2 :]) == {"FN"}
    assert np.ptp(wrong[: height // 2], axis=-1).max() < 0.4


def test_nothing_found_and_nothing_there(path: Path) -> None:
    save(path, detection_figure(noise(SHAPE), match_points(points_of(), points_of())))
    assert [colors_of(panel) for panel in panels(path)] == [set()] * 3


def test_a_point_outside_does_not_stretch_the_image(path: Path) -> None:
    sizes = []
    for place in ((0, 3, 3), (0, 500, -80)):
        save(path, detection_figure(noise(SHAPE), match_points(points_of(place), points_of())))
        raw, found, wrong = panels(path)
        sizes.append([np.count_nonzero(panel.min(axis=-1) < 0.9) for panel in (raw, found)])
        assert colors_of(wrong) == ({"FP"} if place[1] == 3 else set())
    assert sizes[0] == sizes[1]


def test_without_the_truth_there_are_points_and_no_judgement(path: Path) -> None:
    save(path, points_figure(noise(SHAPE), points_of((0, 20, 20)), title="volume"))
    left, right = np.array_split(imread(path)[..., :3], 2, axis=1)
    assert np.ptp(left, axis=-1).max() == 0
    assert colors_of(right) == {"TP: result only"}


def test_the_size_of_a_voxel_gives_the_aspect(path: Path) -> None:
    heights = []
    for size in ((1.0, 1.0, 1.0), (1.0, 0.5, 1.0)):
        save(path, points_figure(noise(SHAPE), points_of((0, 20, 20)), size))
        heights.append(imread(path).shape[0])
    assert heights[1] < 0.75 * heights[0]
