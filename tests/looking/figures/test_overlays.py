from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from auxcpvloss.looking.figures.overlays import FIGURE_5, View, overlays, show
from auxcpvloss.looking.figures.palette import COLORBLIND
from auxcpvloss.looking.figures.panels import project_raw
from auxcpvloss.metrics.detection import match_points
from tests.looking.figures.test_segmentation import HERE, SHIFTED, THERE, colors_of, noise, volume

TRUTH = volume(HERE, THERE)
GOOD, BAD = View("good", noise(), TRUTH, TRUTH), View("bad", noise(), volume(SHIFTED), TRUTH)


def titles(figure: Figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_row_a_method_and_a_column_a_panel() -> None:
    figure = overlays([GOOD, BAD])
    assert titles(figure) == [
        *("raw data", "detections\nTP 2, FP 0, FN 0", "IoU > 0.5\nTP 2", "IoU > 0.5\nFP 0, FN 0"),
        *("raw data", "detections\nTP 1, FP 0, FN 1", "IoU > 0.5\nTP 1", "IoU > 0.5\nFP 0, FN 1"),
    ]
    assert [ax.get_ylabel() for ax in figure.axes] == ["good", "", "", "", "bad", "", "", ""]
    columns = {round(ax.get_position().x0, 2) for ax in figure.axes[:4]}
    assert len(columns) == 4
    assert legend(figure) == ["TP", "FN", "TP: ground truth only", "TP: result only", "TP: both"]


def test_where_volumes_are_long_a_column_a_method() -> None:
    long = [
        view._replace(raw=noise((8, 20, 45)), result=view.result[:, :20], truth=TRUTH[:, :20]) for view in (GOOD, BAD)
    ]
    figure = overlays(long, ["raw data", "FP and FN"])
    assert titles(figure) == ["good\nraw data", "bad\nraw data", "IoU > 0.5: FP 0, FN 0", "IoU > 0.5: FP 0, FN 0"]


def test_images_are_those_of_the_panels_and_have_the_colors_asked_for() -> None:
    names = ("raw data", "ground truth", "result", "true positives", "FP and FN")
    figure = overlays([BAD], names, COLORBLIND)
    for ax, panel in zip(figure.axes, show(BAD, names, COLORBLIND), strict=True):
        assert np.array_equal(np.asarray(ax.images[0].get_array()), panel.image)
        assert ax.get_title() == panel.heading
    raw, _, _, hits, errors = (np.asarray(ax.images[0].get_array()) for ax in figure.axes)
    assert np.array_equal(raw, project_raw(BAD.raw))
    dark = {"TP: ground truth only": (10, 6), "TP: result only": (10, 21), "TP: both": (10, 12)}
    for name, place in dark.items():
        assert np.allclose(hits[place] - 0.35 * raw[place], 0.65 * np.array(COLORBLIND.agreement[name]))
    assert np.allclose(errors[30, 30] - 0.35 * raw[30, 30], 0.65 * np.array(COLORBLIND.agreement["FN"]))
    assert colors_of(np.asarray(overlays([BAD], ["true positives"]).axes[0].images[0].get_array())) >= {"TP: both"}


def test_points_lie_where_they_were_found_and_missed() -> None:
    (ax,) = overlays([BAD], ["detections"]).axes
    places = {str(marks.get_label()): np.asarray(marks.get_offsets()).tolist() for marks in ax.collections}
    assert places == {"TP": [[15, 12]], "FN": [[32, 32]]}
    points = np.array([[0, 40, 2]], np.float64)
    (ax,) = overlays([BAD._replace(detections=match_points(points, TRUTH))], ["detections"]).axes
    assert ax.get_title() == "detections\nTP 0, FP 1, FN 2"


def test_the_size_of_a_voxel_gives_the_aspect() -> None:
    (ax,) = overlays([GOOD._replace(voxel_size=(3, 2, 1))], ["raw data"]).axes
    assert ax.get_aspect() == 2
    flat = overlays([GOOD._replace(voxel_size=(3, 1, 3))], ["raw data", "result"])
    # Three times as long as high: below each other.
    assert flat.axes[0].get_position().y0 > flat.axes[1].get_position().y1


def test_nothing_to_show_is_refused() -> None:
    for views, panels in (([], FIGURE_5), ([GOOD], [])):
        with pytest.raises(ValueError, match="no view or no panel"):
            overlays(views, panels)
