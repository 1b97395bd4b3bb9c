"""What the metadata of an OME-Zarr group (0.1 to 0.5) say of its resolutions: https://ngff.openmicroscopy.org."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from auxcpvloss.data.sources.recorded import Recorded, letters, place_of, recorded_size


def resolutions(attributes: Mapping[str, Any]) -> dict[str, Recorded]:
    """List the arrays of the first image of a group, by their path in it; none where the group is no image.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError, AttributeError
        The metadata do not follow the specification.
    """
    images = _ome(attributes).get("multiscales")
    if not images:
        return {}
    image = images[0]
    axes = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in image.get("axes", ())]
    names = letters([_letter(axis) for axis in axes])
    units = [axis.get("unit") for axis in axes]
    found = {}
    for dataset in image["datasets"]:
        steps = [*dataset.get("coordinateTransformations", ()), *image.get("coordinateTransformations", ())]
        scale, shift = _composed(steps, len(axes))
        path = PurePosixPath(str(dataset["path"]))
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"its dataset {path} leads outside; do not trust this file")
        size = None if scale is None else recorded_size(scale, names, units)
        found[str(path)] = Recorded(names, size, None if shift is None else place_of(shift, names, units))
    return found


def highest(attributes: Mapping[str, Any]) -> str | None:
    """Give the path of the array with the smallest voxels; the first where that is not recorded."""
    found = resolutions(attributes)
    return min(found, key=lambda path: sum(found[path].voxel_size or ()), default=None)


def label_images(attributes: Mapping[str, Any]) -> list[str]:
    """Name the label images in a group `labels`."""
    return [str(name) for name in _ome(attributes).get("labels", ())]


def _ome(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the metadata, which have a table of their own since version 0.5."""
    found: Mapping[str, Any] = attributes.get("ome", attributes)
    return found


def _letter(axis: Mapping[str, Any]) -> str:
    return {"channel": "c", "time": "t"}.get(axis.get("type", ""), str(axis["name"]))


def _composed(steps: Sequence[Mapping[str, Any]], number: int) -> tuple[list[float] | None, list[float] | None]:
    """Give scale and translation of transformations, one after the other; None where they are of other kinds."""
    scale: list[float] | None = None
    shift: list[float] | None = None
    for step in steps:
        values = step.get(step["type"])
        if step["type"] == "identity":
            continue
        if step["type"] not in ("scale", "translation") or not isinstance(values, Sequence):
            return None, None
        if len(values) != number:
            raise ValueError(f"a {step['type']} of {len(values)} numbers for {number} axes")
        numbers = [float(value) for value in values]
        if step["type"] == "scale":
            scale = [a * b for a, b in zip(scale or [1.0] * number, numbers, strict=True)]
            shift = shift and [a * b for a, b in zip(shift, numbers, strict=True)]
        else:
            shift = [a + b for a, b in zip(shift or [0.0] * number, numbers, strict=True)]
    return scale, shift
