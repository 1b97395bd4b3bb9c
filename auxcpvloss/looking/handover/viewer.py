"""napari, where it is installed and there is a display: the one file that imports it."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from auxcpvloss.looking.handover.layers import layers
from auxcpvloss.looking.handover.scene import Scene
from auxcpvloss.system.errors import InputError

if TYPE_CHECKING:
    import napari

DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
"""One of these is set where windows can be opened, on Linux."""

MARGIN = 2
"""Planes before and behind the one that is shown whose points are shown, too: few lie exactly in it."""


def obstacle(asked: bool | None, environment: Mapping[str, str] = os.environ) -> str:
    """Say why napari is not to be opened; "" if it is.

    If nobody asked for it, nor for the opposite (False), it is opened if the command was given at a terminal.

    Raises
    ------
    InputError
        It was asked for, and cannot be opened.
    """
    if asked is False:
        return "it was not asked for"
    problem = ""
    if importlib.util.find_spec("napari") is None:
        problem = "napari is not installed; pip install 'napari[pyqt6]' installs it"
    elif sys.platform == "linux" and not any(environment.get(name) for name in DISPLAYS):
        problem = "there is no display (DISPLAY is not set)"
    if asked and problem:
        raise InputError(f"--napari: {problem}. Or leave it out: docs/handover.md has other ways to look.")
    if asked or problem:
        return problem
    at_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return "" if at_terminal else "the command was not given at a terminal; --napari opens it all the same"


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
