from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.figures.overlays import overlays, show
from auxcpvloss.looking.figures.palette import COLORBLIND
from auxcpvloss.looking.figures.panels import project_raw
from auxcpvloss.metrics import Comparison
from tests.looking.figures.volumes import HERE, SHIFTED, THERE, dots, noise, volume

TRUTH = volume(HERE, THERE)
GOOD, BAD = (Outcome(name, noise(), Comparison(found, TRUTH)) for name, found in {"good": TRUTH, "bad": volume(SHIFTED)}.items())  # fmt: skip


def titles(figure: Figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes]


def test_a_row_a_method_and_a_column_a_panel() -> None:
    figure = overlays([GOOD, BAD])
    assert titles(figure) == [
        *("raw data", "detections\nTP 2, FP 0, FN 0", "IoU > 0.5\nTP 2", "IoU > 0.5\nFP 0, FN 0"),
        *("raw data", "detections\nTP 1, FP 0, FN 1", "IoU > 0.5\nTP 1", "IoU > 0.5\nFP 0, FN 1"),
    ]
    assert [ax.get_ylabel() for ax in figure.axes] == ["good", "", "", "", "bad", "", "", ""]
    assert len({round(ax.get_position().x0, 2) for ax in figure.axes[:4]}) == 4
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["TP", "FN", "TP: ground truth only", "TP: result only", "TP: both"]


def test_where_volumes_are_long_a_column_a_method() -> None:
    long = [replace(each, raw=noise((8, 20, 45)), found=Comparison(each.instances[:, :20], TRUTH[:, :20])) for each in (GOOD, BAD)]  # fmt: skip
    figure = overlays(long)
    assert titles(figure)[:2] == ["good\nraw data", "bad\nraw data"]
    assert titles(figure)[-2:] == ["IoU > 0.5: FP 0, FN 0", "IoU > 0.5: FP 0, FN 0"]
    # Three times as long as high by the size of a voxel: below each other.
    flat = overlays([replace(GOOD, voxel_size=(3, 1, 3))])
    assert flat.axes[0].get_position().y0 > flat.axes[1].get_position().y1
    assert overlays([replace(GOOD, voxel_size=(3, 2, 1))]).axes[0].get_aspect() == 2


def test_images_are_those_of_the_panels_and_have_the_colors_asked_for() -> None:
    figure = overlays([BAD], COLORBLIND)
    for ax, panel in zip(figure.axes, show(BAD, COLORBLIND), strict=True):
        assert np.array_equal(np.asarray(ax.images[0].get_array()), panel.image)
        assert ax.get_title() == panel.heading
    raw, _, hits, errors = (np.asarray(ax.images[0].get_array()) for ax in figure.axes)
    assert np.array_equal(raw, project_raw(BAD.raw))
    for name, place in {"TP: ground truth only": (10, 6), "TP: result only": (10, 21), "TP: both": (10, 12)}.items():
        assert np.allclose(hits[place] - 0.35 * raw[place], 0.65 * np.array(COLORBLIND.agreement[name]))
    assert np.allclose(errors[30, 30] - 0.35 * raw[30, 30], 0.65 * np.array(COLORBLIND.agreement["FN"]))


def test_points_lie_where_they_were_found_and_missed() -> None:
    ax = overlays([BAD]).axes[1]
    places = {str(marks.get_label()): np.asarray(marks.get_offsets()).tolist() for marks in ax.collections}
    assert places == {"TP": [[15, 12]], "FN": [[32, 32]]}
    # Too far from the centers, though it lies in a nucleus.
    ax = overlays([replace(BAD, found=Comparison(dots((2, 5, 5)), TRUTH, detection="linear", distance_limit=5))]).axes[1]  # fmt: skip
    assert ax.get_title() == "detections\nTP 0, FP 1, FN 2"
