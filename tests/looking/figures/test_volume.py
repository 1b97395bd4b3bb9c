from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.figures.layout import save
from auxcpvloss.looking.figures.volume import fullest_plane, plane_figure, volume_figure
from auxcpvloss.metrics import Comparison
from tests.looking.figures.volumes import HERE, SHIFTED, THERE, colors_of, dots, marked, noise, outcome, shown, volume

SPLIT = volume(*((*HERE[:2], slice(x, x + 5)) for x in (5, 10, 15)))
PLANE = volume((slice(0, 1), *HERE[1:]), shape=(1, 45, 45))
LARGE = volume(HERE, THERE, step=3).astype(np.uint64) << np.uint64(61)
BOTH = "TP: both"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "picture.png"


def size(path: Path, figure: Figure) -> tuple[int, int]:
    """Height and width of the picture."""
    save(path, figure)
    height, width = imread(path).shape[:2]
    return height, width


def points(*places: tuple[float, float, float]) -> np.ndarray[Any, Any]:
    return np.array(places, np.float64).reshape(-1, 3)


@pytest.mark.parametrize(
    ("truth", "result", "hits", "errors"),
    [
        (volume(HERE, THERE), volume(THERE, HERE), {BOTH}, set()),
        (volume(HERE), volume(SHIFTED), {"TP: ground truth only", "TP: result only", BOTH}, set()),
        (volume(), volume(HERE), set(), {"FP"}),
        (volume(HERE), volume(), set(), {"FN"}),
        (volume(HERE), SPLIT, set(), {"FP upon FN"}),
        (volume(HERE, THERE), volume(HERE), {BOTH}, {"FN"}),
        (LARGE, volume(HERE, THERE, step=1000), {BOTH}, set()),
        (volume(), volume(), set(), set()),
        (PLANE, PLANE, {BOTH}, set()),
    ],
)
def test_hits_and_errors_have_their_colors(path: Path, truth: Any, result: Any, hits: set[str], errors: set[str]):
    figure = volume_figure(outcome(result, truth))
    panels = shown(figure)
    assert [heading.partition(":")[0] for heading in panels] == [
        "raw data, brightest along z", "ground truth", "result", "true positives", "FP and FN",
    ]  # fmt: skip
    assert (colors_of(panels["true positives"]), colors_of(panels["FP and FN"])) == (hits, errors)
    # In the file, too: of two rows the lower one.
    height, width = size(path, figure)
    assert colors_of(imread(path)[height // 2 :, : 2 * width // 3, :3]) == hits | errors


def test_counts_are_told() -> None:
    figure = volume_figure(outcome(volume(HERE, (slice(0, 1),), (slice(1, 2),)), volume(HERE, THERE)))
    legends = [legend for ax in figure.axes if (legend := ax.get_legend())]
    assert [legend.get_title().get_text() for legend in legends] == ["IoU > 0.5: TP 1, FP 2, FN 1, AP 0.250"]


def test_without_the_truth_there_is_no_agreement() -> None:
    assert list(shown(volume_figure(outcome(volume(HERE, THERE))))) == ["raw data, brightest along z", "result: 2"]
    assert list(shown(plane_figure(outcome(volume(HERE)), {}))) == ["raw data, z = 4", "result: 1"]


def test_what_nobody_annotated_is_gray_and_holds_no_errors() -> None:
    """In a projection where nothing of a column is annotated."""
    beyond = volume((slice(0, 8), slice(22, 45)), (slice(4, 5), slice(0, 45), slice(22, 45))) > 0
    compared = Comparison(volume(HERE, THERE), volume(HERE), ignored=beyond)
    in_all, in_plane = (
        volume_figure(Outcome("a", noise(), compared)),
        plane_figure(Outcome("a", noise(), compared), {}, z=4),
    )
    for figure, heading in ((in_all, "raw data, brightest along z"), (in_plane, "raw data, z = 4")):
        panels = shown(figure)
        background = panels.pop(heading)
        where = beyond.all(axis=0) if figure is in_all else beyond[4]
        for name in ("ground truth: 1", "result: 1", "true positives", "FP and FN"):
            np.testing.assert_allclose(panels[name][where], 0.35 * background[where] + 0.65 * 0.5)
        legends = [*figure.legends, *(legend for ax in figure.axes if (legend := ax.get_legend()))]
        assert [text.get_text() for legend in legends for text in legend.get_texts()].count("not annotated") == 1
    assert colors_of(shown(in_all)["FP and FN"]) == set()


def test_points_are_right_wrong_and_missed() -> None:
    found, truth = dots((4, 10, 10), (4, 20, 30), (1, 35, 5)), points((4, 11, 10), (4, 21, 30), (4, 38, 38))
    expected = {"TP": [[10, 10], [30, 20]], "FP": [[5, 35]], "FN": [[38, 38]]}
    figure = volume_figure(outcome(found, truth, shows_points=True))
    assert marked(figure) == {
        "raw data, brightest along z": {},
        "true positives": {"TP": expected["TP"]},
        "FP and FN": {"FP": expected["FP"], "FN": expected["FN"]},
    }
    assert figure.legends[0].get_title().get_text().startswith("detection: TP 2, FP 1, FN 1, AP 0.5")
    assert marked(volume_figure(outcome(found, shows_points=True)))["result: 3"] == {"result": [[10, 10], [30, 20], [5, 35]]}  # fmt: skip
    nothing = volume_figure(outcome(truth=points(), shows_points=True))
    assert all(not marks for marks in marked(nothing).values())


def test_a_point_outside_does_not_stretch_the_image() -> None:
    limits = []
    for place in ((0, 3, 3), (0, 500, -80)):
        figure = volume_figure(outcome(truth=points(place), shows_points=True))
        limits.append([(ax.get_xlim(), ax.get_ylim()) for ax in figure.axes])
    assert limits[0] == limits[1]


def test_the_plane_with_most_nuclei_is_shown() -> None:
    boxes = (slice(6, 7), slice(0, 9), slice(0, 9)), (slice(1, 3), slice(20, 24), slice(0, 9))
    assert fullest_plane(volume(*boxes)) == 6
    # Of planes 2 to 5 that nearest to the middle; the middle where there is nothing.
    assert (fullest_plane(volume(HERE)), fullest_plane(volume())) == (4, 4)


@pytest.mark.parametrize("channels", [(3,), (3, 1, 1)])
def test_hits_errors_and_differences_in_a_plane_are_those_of_the_whole_volume(channels: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    heads = {f"head{i}": rng.normal(size=(count, 8, 45, 45)).astype(np.float32) for i, count in enumerate(channels)}
    # In the plane that is shown they overlap well; in the volume they do not.
    truth, result = volume((slice(3, 5), *HERE[1:]), THERE), volume((slice(0, 8), *HERE[1:]))
    figure = plane_figure(outcome(result, truth), heads)
    panels = shown(figure)
    assert len(panels) == 6 + sum(channels)
    assert (colors_of(panels["true positives"]), colors_of(panels["FP and FN"])) == (set(), {"FP upon FN", "FN"})
    assert np.array_equal(np.any(panels["XOR"] != panels["raw data, z = 4"], axis=-1), truth[4] > 0)
    legends = [*figure.legends, *(legend for ax in figure.axes if (legend := ax.get_legend()))]
    assert [legend.get_title().get_text() for legend in legends] == ["all planes, IoU > 0.5: TP 0, FP 1, FN 2, AP 0.000"]  # fmt: skip


def test_of_points_those_near_the_plane_are_marked() -> None:
    found, truth = dots((4, 10, 10), (1, 35, 5), (0, 20, 30)), points((4, 11, 10), (7, 38, 38))
    figure = plane_figure(outcome(found, truth, shows_points=True), {}, z=4)
    # (0, 20, 30) is four planes away.
    assert marked(figure)["true positives"] == {"TP": [[10, 10]]}
    assert marked(figure)["FP and FN"] == {"FP": [[5, 35]], "FN": [[38, 38]]}
    assert marked(plane_figure(outcome(found, shows_points=True), {}, z=4))["result: 2"] == {"result": [[10, 10], [5, 35]]}  # fmt: skip


def test_long_volumes_are_stacked_and_tall_ones_stand_side_by_side(path: Path) -> None:
    sizes = {}
    for name, shape in {"long": (2, 20, 160), "tall": (2, 160, 20), "line": (1, 1, 300), "column": (1, 300, 1)}.items():
        labels = volume((slice(0, 1), slice(0, 9), slice(0, 9)), shape=shape)
        sizes[name] = size(path, volume_figure(outcome(labels, labels), name))
    # Five strips of 1 to 8 and their headings; five columns of 8 to 1.
    assert 0.6 < sizes["long"][0] / sizes["long"][1] < 1
    assert 1.5 < sizes["tall"][0] / sizes["tall"][1] < 2
    assert all(max(each) <= 1600 for each in sizes.values())


def test_the_size_of_a_voxel_gives_the_aspect(path: Path) -> None:
    cube, low, other = (
        size(path, volume_figure(outcome(volume(HERE), voxel_size=each)))
        for each in ((1, 1, 1), (1, 0.6, 1), (5, 2, 2))
    )
    assert cube == other
    assert low[0] < 0.75 * cube[0]


def test_a_square_stays_square_where_a_panel_is_wider_than_its_image(path: Path) -> None:
    save(path, volume_figure(outcome(volume((slice(0, 1), slice(50, 60), slice(0, 10)), shape=(1, 300, 10)))))
    rows, columns = np.nonzero(np.ptp(imread(path)[..., :3], axis=-1) > 0.4)
    assert np.ptp(rows) == pytest.approx(np.ptp(columns), abs=2)


def test_a_long_worm_makes_no_large_file(path: Path) -> None:
    noise = np.random.default_rng(0).gamma(2, 4, (20, 140, 1100))
    boxes = [(slice(0, 9), slice(y, y + 12), slice(x, x + 12)) for x in range(0, 1080, 20) for y in (30, 60)]
    worm = volume(*boxes, shape=noise.shape)
    save(path, volume_figure(Outcome("worm", noise + 40 * (worm > 0), Comparison(np.roll(worm, 2, axis=2), worm))))
    assert path.stat().st_size < 2_000_000


def test_volumes_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"differ in shape: \(8, 45, 45\) and \(1, 45, 45\)"):
        outcome(truth=volume(shape=(1, 45, 45)))
