"""A volume as layers of napari (https://napari.org), which need not be installed for this."""

from __future__ import annotations

from typing import Any

import numpy as np

from auxcpvloss.looking.handover.scene import Scene

LayerData = tuple[Any, dict[str, Any], str]
CYAN = "#00ffff"
TRANSPARENT = "#00000000"


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
