"""What Neuroglancer (https://github.com/google/neuroglancer) is to show of an OME-Zarr, as its state in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import AXES, Space
from auxcpvloss.looking.handover.errors import Errors

VIEWER = "https://neuroglancer-demo.appspot.com/"
PORT = 8765
ADDRESS = f"http://127.0.0.1:{PORT}/"
"""Where `auxcpvloss.serve` serves files, unless it is told another port."""

STATE = "_neuroglancer.json"
"""How the names of states end."""

METERS = {"": (1.0, ""), "nanometer": (1e-9, "m"), "micrometer": (1e-6, "m"), "millimeter": (1e-3, "m")}
SHADER = "#uicontrol invlerp normalized\nvoid main() {\n  emitGrayscale(normalized());\n}\n"


def neuroglancer_state(
    file: str,
    shape: tuple[int, ...],
    intensities: tuple[float, float],
    labels: Mapping[str, bool],
    errors: Sequence[Errors],
    space: Space,
) -> str:
    """Write the state in which Neuroglancer shows a volume.

    Parameters
    ----------
    file : str
        Name of the OME-Zarr below `ADDRESS`.
    shape : tuple of int
        Z, Y, X, in voxels.
    intensities : tuple of float
        Shown as black and as white.
    labels : mapping of name to bool
        Labels in the file, and whether they are shown at first.
    errors : sequence of Errors
        A layer each.
    space : Space
    """
    factor, unit = METERS[space.unit]
    dimensions = {axis: [size * factor, unit] for axis, size in zip(AXES, space.voxel_size, strict=True)}
    # It counts in voxels. What OME-Zarr says of the middle of a voxel it takes for its lower corner's coordinate.
    first = np.divide(space.offset, space.voxel_size)
    source = f"zarr2://{ADDRESS}{file}/"
    layers: list[dict[str, Any]] = [
        {
            "type": "image",
            "name": "raw",
            "source": source,
            "shader": SHADER,
            "shaderControls": {"normalized": {"range": list(intensities)}},
        },
        *(
            {"type": "segmentation", "name": name, "source": f"{source}labels/{name}/", "visible": is_visible}
            for name, is_visible in labels.items()
        ),
        *(_points(each, dimensions, first) for each in errors),
    ]
    state = {
        "dimensions": dimensions,
        "displayDimensions": list(reversed(AXES)),
        "position": (first + np.divide(shape, 2) - 0.5).tolist(),
        "crossSectionScale": 0.5,
        "projectionScale": max(shape) * 1.5,
        "layers": layers,
        "selectedLayer": {"layer": next(iter(labels)), "visible": True},
        "layout": "4panel",
    }
    return json.dumps(state, indent=1) + "\n"


def link(file: str, viewer: str = VIEWER, address: str = ADDRESS) -> str:
    """Give the link under which Neuroglancer shows a state that is served from `address`."""
    return f"{viewer}#!{address}{file}"


def _points(errors: Errors, dimensions: Mapping[str, Any], first: NDArray[np.float64]) -> dict[str, Any]:
    points = [
        {"type": "point", "id": str(number), "point": [round(float(v), 2) for v in point], "description": text}
        for number, (point, text) in enumerate(zip(errors.points + first, errors.texts, strict=True))
    ]
    return {
        "type": "annotation",
        "name": errors.name,
        "source": {"url": "local://annotations", "transform": {"outputDimensions": dict(dimensions)}},
        "annotationColor": errors.color,
        "annotations": points,
    }
