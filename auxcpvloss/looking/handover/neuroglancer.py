"""What Neuroglancer (https://github.com/google/neuroglancer) is to show of an OME-Zarr, as its state in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import AXES
from auxcpvloss.looking.handover.scene import Errors, Scene

VIEWER = "https://neuroglancer-demo.appspot.com/"
PORT = 8765
ADDRESS = f"http://127.0.0.1:{PORT}/"
"""Where `auxcpvloss.serve` serves files by default."""

STATE = "_neuroglancer.json"
"""How the names of states end."""

METERS = {"": (1.0, ""), "nanometer": (1e-9, "m"), "micrometer": (1e-6, "m"), "millimeter": (1e-3, "m")}
SHADER = "#uicontrol invlerp normalized\nvoid main() {\n  emitGrayscale(normalized());\n}\n"


def neuroglancer_state(scene: Scene, file: str, labels: Sequence[str]) -> str:
    """Write the state in which Neuroglancer shows a volume, whose OME-Zarr is a file below `ADDRESS`.

    Each kind of error has a layer; of the `labels` in the file only the first is shown at the beginning.
    """
    space, shape = scene.space, scene.raw.shape
    factor, unit = METERS[space.unit]
    dimensions = {axis: [size * factor, unit] for axis, size in zip(AXES, space.voxel_size, strict=True)}
    # Neuroglancer counts in voxels, and takes OME-Zarr's position of a voxel's center for that of its lower corner.
    first = np.divide(space.offset, space.voxel_size)
    source = f"zarr2://{ADDRESS}{file}/"
    layers: list[dict[str, Any]] = [
        {
            "type": "image",
            "name": "raw",
            "source": source,
            "shader": SHADER,
            "shaderControls": {"normalized": {"range": list(scene.intensities())}},
        },
        *(
            {"type": "segmentation", "name": name, "source": f"{source}labels/{name}/", "visible": name == labels[0]}
            for name in labels
        ),
        *(_annotations(errors, dimensions, first) for errors in scene.errors),
    ]
    state = {
        "dimensions": dimensions,
        "displayDimensions": list(reversed(AXES)),
        "position": (first + np.divide(shape, 2) - 0.5).tolist(),
        "crossSectionScale": 0.5,
        "projectionScale": max(shape) * 1.5,
        "layers": layers,
        "selectedLayer": {"layer": labels[0], "visible": True},
        "layout": "4panel",
    }
    return json.dumps(state, indent=1) + "\n"


def link(file: str, viewer: str = VIEWER, address: str = ADDRESS) -> str:
    """Give the link under which Neuroglancer shows a state that is served from `address`."""
    return f"{viewer}#!{address}{file}"


def _annotations(errors: Errors, dimensions: Mapping[str, Any], first: NDArray[np.float64]) -> dict[str, Any]:
    places = (errors.points + first).tolist()
    return {
        "type": "annotation",
        "name": errors.name,
        "source": {"url": "local://annotations", "transform": {"outputDimensions": dict(dimensions)}},
        "annotationColor": errors.color,
        "annotations": [
            {"type": "point", "id": str(number), "point": [round(v, 2) for v in place], "description": text}
            for number, (place, text) in enumerate(zip(places, errors.texts, strict=True))
        ],
    }
