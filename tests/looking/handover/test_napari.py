"""A real napari viewer, offscreen; docs/handover.md says how to install it."""

import os

import numpy as np
import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
napari = pytest.importorskip("napari", reason="napari is not installed: pip install 'napari[pyqt6]' (docs/handover.md)")

from auxcpvloss.looking.handover.scene import Scene  # noqa: E402
from auxcpvloss.looking.handover.viewer import fill, make_viewer  # noqa: E402
from tests.looking.handover.scenes import SPACE, scene  # noqa: E402

# Those of napari and of what it brings along are not for this project to mend.
pytestmark = pytest.mark.filterwarnings("default")

VOLUMES = {"a": scene(), "p": scene(is_points=True), "plain": scene(truth=None, errors=())}


@pytest.fixture(scope="module")
def viewer():
    from qtpy.QtGui import QOpenGLContext

    napari.qt.get_qapp()
    if not QOpenGLContext().create():
        pytest.skip("no OpenGL: run pytest under xvfb-run (docs/handover.md)")
    asked: list[str] = []

    def read(name: str) -> Scene:
        asked.append(name)
        return VOLUMES[name]

    made = make_viewer("title", list(VOLUMES), read, is_shown=False)
    yield made, asked
    made.close()


def test_the_window_shows_the_first_volume_in_space(viewer):
    made, asked = viewer
    assert asked == ["a"]
    assert [layer.name for layer in made.layers] == [
        "raw", "ground truth", "instances", "centers", "false positives", "false negatives", "splits", "merges",
    ]  # fmt: skip
    for layer in made.layers:
        assert (tuple(layer.scale), tuple(layer.translate)) == (SPACE.voxel_size, SPACE.offset)
        assert {str(unit) for unit in layer.units} == {"micrometer"}
    instances = made.layers["instances"]
    # What lies under a place in the world, 2 micrometers a plane: instance 70, whose center the centers have.
    assert instances.get_value((1.0, 2.5, 2.75), world=True) == 70
    assert made.layers["centers"].data[-1].tolist() == [2.5, 2.5, 2.5]
    assert np.allclose(made.layers["merges"].get_color(34), (1, 0.502, 0, 1), atol=0.01)
    assert made.screenshot(canvas_only=False, flash=False).shape[2] == 4


def test_another_volume_takes_its_place_when_it_is_chosen(viewer):
    made, asked = viewer
    choice = made.window.dock_widgets["volume"]
    assert tuple(choice.choices) == tuple(VOLUMES)
    choice.value = "p"
    assert (asked[-1], [layer.name for layer in made.layers][2:4]) == ("p", ["points", "centers"])
    fill(made, VOLUMES["plain"])
    assert [layer.name for layer in made.layers] == ["raw", "instances", "centers"]
