import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from auxcpvloss.looking.figures.palette import LINES
from auxcpvloss.looking.figures.scores import ap_over_iou, detection_boxes
from auxcpvloss.metrics import THRESHOLDS

RNG = np.random.default_rng(0)
RUNS = {name: np.sort(RNG.uniform(0, 1, (runs, 9)))[:, ::-1] for name, runs in (("sdt", 3), ("sdt +cpv", 2), ("mine", 1))}  # fmt: skip

FAMILIES = [{"sdt": RUNS["sdt"], "sdt +cpv": RUNS["sdt +cpv"]}, {"mine": RUNS["mine"]}]


def texts(figure: Figure) -> list[str]:
    figure.draw_without_rendering()
    legends = [*figure.legends, *(legend for ax in figure.axes if (legend := ax.get_legend()))]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_lines_are_means_over_runs_and_the_shade_is_their_range() -> None:
    figure = ap_over_iou(FAMILIES)
    pair, pair_less, alone, alone_less = figure.axes[0], figure.axes[2], figure.axes[1], figure.axes[3]
    for ax, names in ((pair, ["sdt", "sdt +cpv"]), (alone, ["mine"])):
        for line, shade, name in zip(ax.lines, ax.collections, names, strict=True):
            assert np.array_equal(line.get_xdata(), THRESHOLDS)
            assert np.allclose(line.get_ydata(), RUNS[name].mean(axis=0))
            (path,) = shade.get_paths()
            for threshold, values in zip(THRESHOLDS, RUNS[name].T, strict=True):
                heights = path.vertices[path.vertices[:, 0] == threshold, 1]
                assert (heights.min(), heights.max()) == pytest.approx((values.min(), values.max()))
    # Below: less the mean of the first one.
    first, second = pair_less.lines
    assert np.allclose(first.get_ydata(), 0)
    assert np.allclose(second.get_ydata(), RUNS["sdt +cpv"].mean(axis=0) - RUNS["sdt"].mean(axis=0))
    assert np.allclose(alone_less.lines[0].get_ydata(), 0)
    assert (texts(figure), pair.get_ylim()[0]) == (["sdt, 3 runs", "sdt +cpv, 2 runs", "mine, 1 run"], 0)
    assert pair_less.get_xlabel() == "IoU threshold"


def test_numbers_of_the_paper_are_dashed_and_only_those_of_methods_that_are_there() -> None:
    reference = {"sdt": np.linspace(0.9, 0, 9), "gauss": np.ones(9)}
    figure = ap_over_iou(FAMILIES[:1], reference)
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert len(dashed) == 1
    assert np.array_equal(dashed[0].get_ydata(), reference["sdt"])
    assert dashed[0].get_color() == figure.axes[0].lines[0].get_color()
    assert all(line.get_linestyle() == "-" for line in figure.axes[1].lines)
    assert texts(figure)[-1] == "paper"
    assert "paper" not in texts(ap_over_iou(FAMILIES[1:], reference))


def test_legends_lie_outside_of_the_data() -> None:
    figure = ap_over_iou(FAMILIES, {"sdt": np.ones(9)})
    figure.draw_without_rendering()
    for ax in figure.axes:
        if legend := ax.get_legend():
            assert not legend.get_window_extent().overlaps(ax.get_window_extent())
            assert figure.bbox.contains(*legend.get_window_extent().max)


def marked(figure: Figure, position: int) -> dict[str, float]:
    """Heights of the marks of a method."""
    (ax,) = figure.axes
    names = {3: "triangle", 4: "diamond"}
    found: dict[str, float] = {}
    for marks in ax.collections:
        assert isinstance(marks, PathCollection)
        offsets = np.asarray(marks.get_offsets())
        if len(offsets) == 1 and offsets[0, 0] == position and marks.get_sizes()[0] > 20:
            vertices = len(np.unique(marks.get_paths()[0].vertices, axis=0))
            up = marks.get_paths()[0].vertices[0, 1] > 0
            found[names[vertices] + (" up" if up else " down") * (vertices == 3)] = float(offsets[0, 1])
    return found


def test_boxes_show_all_volumes_of_all_runs_and_the_best_and_worst_run() -> None:
    scores = {"sdt": RNG.uniform(0.8, 0.9, (3, 7)), "gauss": RNG.uniform(0.5, 1, (1, 4))}
    figure = detection_boxes(scores, {"gauss": LINES[1]}, {"sdt": 0.878})
    (ax,) = figure.axes
    boxes = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
    assert [box.get_facecolor()[:3] for box in boxes] == list(LINES[:2])
    for position, (box, values) in enumerate(zip(boxes, scores.values(), strict=True)):
        heights = box.get_path().vertices[:, 1]
        low, high = np.percentile(values, (25, 75))
        assert (heights[:-1].min(), heights.max()) == pytest.approx((low, high))
        lines = [line for line in ax.lines if np.all(np.abs(np.asarray(line.get_xdata()) - position) < 0.3)]
        flat = [line.get_ydata()[0] for line in lines if len(set(line.get_ydata())) == 1]
        assert sorted(flat) == pytest.approx(sorted([values.min(), np.median(values), values.max()]))
        dots = next(marks for marks in ax.collections if len(marks.get_offsets()) == values.size)
        assert np.allclose(np.asarray(dots.get_offsets())[:, 1], values.ravel())
        means = values.mean(axis=1)
        expected = {"diamond": means.mean()}
        if len(means) > 1:
            expected |= {"triangle up": means.max(), "triangle down": means.min()}
        assert marked(figure, position) == pytest.approx(expected)
    (paper,) = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert list(paper.get_ydata()) == [0.878] * 2
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["sdt", "gauss"]
    assert "paper, mean" in texts(figure)


def test_one_run_is_neither_best_nor_worst() -> None:
    figure = detection_boxes({"sdt +cpv": np.array([[0.5]])})
    assert marked(figure, 0) == {"diamond": 0.5}
    assert texts(figure) == ["quartiles, median, range", "a volume in a run", "mean of all runs"]
    assert figure.axes[0].get_xticklabels()[0].get_text() == "sdt\n+cpv"


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sdt: scores of shape \(3, 8\), expected \(runs, 9 thresholds\)"):
        ap_over_iou([{"sdt": np.zeros((3, 8))}])
    with pytest.raises(ValueError, match=r"sdt: scores of shape \(0, 4\), expected \(runs, volumes\)"):
        detection_boxes({"sdt": np.zeros((0, 4))})
    for figure in (ap_over_iou, detection_boxes):
        with pytest.raises(ValueError, match="no method to show"):
            figure({})
