"""A volume as layers of napari (https://napari.org), which need not be installed for this."""

from __future__ import annotations

from typing import Any

import numpy as np

from auxcpvloss.looking.handover.view import View

LayerData = tuple[Any, dict[str, Any], str]
CYAN = "#00ffff"
TRANSPARENT = "#00000000"


def layers(view: View) -> list[LayerData]:
    """Give what napari's `Layer.create` takes: data, attributes and kind of each layer, the lowest first.

    Raw data; ground truth as outlines, if there is any; instances; their centers; errors, each kind in its color, of
    points as points. Where much would hide much, layers are not visible at first.
    """
    space = view.space
    common: dict[str, Any] = {"scale": space.voxel_size, "translate": space.offset}
    if space.unit:
        common["units"] = (space.unit,) * 3
    # The plane alone, whatever margin points have.
    gray = {"colormap": "gray", "contrast_limits": view.intensities(), "projection_mode": "none"}
    found: list[LayerData] = [(view.raw, {"name": "raw", **gray, **common}, "image")]
    labels = view.labels()
    if truth := labels.pop("truth", None) is not None:
        found.append((view.truth, {"name": "ground truth", "visible": False, **common}, "labels"))
    found += [(array, {"name": name, "opacity": 0.5, **common}, "labels") for name, array in labels.items()]
    centers = view.centers
    look = {"size": 4, "projection_mode": "all", **common}
    marks = {"name": "centers", "face_color": CYAN, "visible": view.is_points and not truth, **look}
    found.append((centers.positions, {**marks, "features": {"id": centers.ids}}, "points"))
    for errors in view.errors:
        labels_of_errors = errors.labels
        if labels_of_errors is None:
            marks = {"name": errors.name, "face_color": errors.color, **look}
            found.append((errors.points, {**marks, "features": {"what": np.array(errors.texts, object)}}, "points"))
        else:
            colors = {None: errors.color, 0: TRANSPARENT}
            shown = {"name": errors.name, "opacity": 0.6, "colormap": colors, **common}
            found.append((labels_of_errors, {**shown, "visible": bool(errors.texts)}, "labels"))
    return found
