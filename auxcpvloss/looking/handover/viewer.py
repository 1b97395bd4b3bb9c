"""Volumes in napari (https://napari.org), where it is installed and there is a display."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from auxcpvloss.looking.handover.scene import Scene
from auxcpvloss.system.errors import InputError

if TYPE_CHECKING:
    import napari

LayerData = tuple[Any, dict[str, Any], str]
CYAN = "#00ffff"
TRANSPARENT = "#00000000"

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
"""On Linux, one of these is set where windows can be opened."""

MARGIN = 2
"""Points in this many planes before and behind the shown one are drawn, too: few lie exactly in it."""


def obstacle(asked: bool | None, environment: Mapping[str, str] = os.environ) -> str:
    """Say why napari is not to be opened; "" if it is.

    If nobody asked for it, nor for the opposite (False), it is opened if the command was given at a terminal.

    Raises
    ------
    InputError
        It was asked for, and cannot be opened.
    """
    if asked is False:
        return "not requested"
    problem = ""
    if importlib.util.find_spec("napari") is None:
        problem = "napari is not installed; pip install 'napari[pyqt6]' installs it"
    elif sys.platform == "linux" and not any(environment.get(name) for name in DISPLAYS):
        problem = "there is no display (DISPLAY is not set)"
    if asked and problem:
        raise InputError(f"--napari: {problem}. Or omit --napari: docs/handover.md describes other viewers.")
    if asked or problem:
        return problem
    at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return "" if at_terminal else "the command does not run in a terminal; --napari opens it anyway"


def show(title: str, names: Sequence[str], read: Callable[[str], Scene]) -> None:
    """Open the first of some volumes, with a list of the others to choose from; returns when the window is closed."""
    import napari

    make_viewer(title, names, read)
    napari.run()


def make_viewer(title: str, names: Sequence[str], read: Callable[[str], Scene], is_shown: bool = True) -> napari.Viewer:
    """Make the window of `show`; `read` gives a volume by its name when it is chosen."""
    import napari
    from magicgui.widgets import ComboBox

    viewer = napari.Viewer(title=title, show=is_shown)
    if len(names) > 1:
        choice = ComboBox(label="volume", choices=list(names))
        choice.changed.connect(lambda name: fill(viewer, read(name)))
        viewer.window.add_dock_widget(choice, name="volume", area="left")
    fill(viewer, read(names[0]))
    return viewer


def fill(viewer: napari.Viewer, scene: Scene) -> None:
    """Show a volume in place of the one that is shown."""
    from napari.layers import Layer

    viewer.layers.clear()
    for data, attributes, kind in layers(scene):
        viewer.add_layer(Layer.create(data, attributes, kind))
    viewer.layers.selection.active = viewer.layers["raw"]
    viewer.reset_view()
    margin = tuple(MARGIN * size for size in scene.space.voxel_size)
    viewer.dims.margin_left = viewer.dims.margin_right = margin
    viewer.canvas.overlays.scale_bar.visible = bool(scene.space.unit)


def layers(scene: Scene) -> list[LayerData]:
    """Give what napari's `Layer.create` takes: data, attributes and kind of each layer, the lowest first.

    Raw data; ground truth as outlines, if there is any; instances; their centers; errors, each kind in its color, of
    points as points. Layers that would hide much are not visible at first.
    """
    space, labels, centers = scene.space, scene.labels(), scene.centers
    common: dict[str, Any] = {"scale": space.voxel_size, "translate": space.offset}
    if space.unit:
        common["units"] = (space.unit,) * 3
    found: list[LayerData] = []

    def add(name: str, data: Any, kind: str, **attributes: Any) -> None:
        found.append((data, {"name": name, **attributes, **common}, kind))

    points: dict[str, Any] = {"size": 4, "projection_mode": "all"}
    # Raw data of the plane alone, whatever margin points have.
    add("raw", scene.raw, "image", colormap="gray", contrast_limits=scene.intensities(), projection_mode="none")
    if (truth := labels.pop("truth", None)) is not None:
        add("ground truth", truth, "labels", visible=False)
    for name, array in labels.items():
        add(name, array, "labels", opacity=0.5)
    visible = scene.is_points and truth is None
    add(
        "centers", centers.positions, "points", face_color=CYAN, visible=visible, features={"id": centers.ids}, **points
    )
    for errors in scene.errors:
        if (wrong := errors.labels) is None:
            what = {"what": np.array(errors.texts, object)}
            add(errors.name, errors.points, "points", face_color=errors.color, features=what, **points)
        else:
            colors = {None: errors.color, 0: TRANSPARENT}
            add(errors.name, wrong, "labels", opacity=0.6, colormap=colors, visible=bool(errors.texts))
    return found
