"""The names of axes, the size of voxels and the position of an array, in the dialects of attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from auxcpvloss.config.units import Vector
from auxcpvloss.data.sources.axes import VOLUME
from auxcpvloss.data.sources.length_units import in_one_unit

AXES = ("axes", "axis_names", "dimension_names", "_ARRAY_DIMENSIONS", "axistags")
"""Attributes with the names of axes: of several programs, zarr 3, xarray, and vigra (ilastik)."""
SIZES = ("resolution", "voxel_size", "element_size_um", "pixelResolution")
"""Attributes with the size of a voxel: ours, funlib's, that of ilastik and PlantSeg, and of the n5 libraries."""
X_FIRST, Z_FIRST = ("pixelResolution",), ("element_size_um",)
"""Attributes with their own order of axes, whatever the container."""
KNOWN = (*AXES, *SIZES, "offset", "units", "downsamplingFactors")
WORDS = {"time": "T", "channel": "C", "channels": "C", "ch": "C"}


@dataclass(frozen=True)
class Recorded:
    """What is recorded of an array; axes is "" and the others None where nothing is."""

    axes: str = ""
    voxel_size: Vector | None = None
    offset: Vector | None = None


def recorded(attributes: Mapping[str, Any], ndim: int, is_reversed: bool) -> Recorded:
    """Find what attributes of an array or a group say.

    Parameters
    ----------
    attributes : mapping
    ndim : int
        Number of axes of the array.
    is_reversed : bool
        Whether lists begin with x, unless their program says otherwise.

    Raises
    ------
    ValueError, TypeError
        The message begins with the name of the attribute.
    """
    axes = next(filter(None, (_axes(attributes.get(name), is_reversed) for name in AXES)), "")
    named = axes or VOLUME[-ndim:]
    units = attributes.get("units")
    units = [] if units is None or isinstance(units, str) else list(units)[:: -1 if is_reversed else 1]

    def found(name: str, choose: Callable[..., Vector | None]) -> Vector | None:
        value = attributes[name]
        try:
            values = list(value["dimensions"] if isinstance(value, Mapping) else value)
            if name in X_FIRST or (is_reversed and name not in Z_FIRST):
                values.reverse()
            return choose(values, named, units)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{name}: {error}") from None

    size = next((name for name in SIZES if name in attributes), None)
    voxel_size = None if size is None else found(size, recorded_size)
    return Recorded(axes, voxel_size, found("offset", place_of) if "offset" in attributes else None)


def downsampling(attributes: Mapping[str, Any]) -> Vector | None:
    """By which factors the voxels of an array are larger than those of its group, in the n5 libraries."""
    values = attributes.get("downsamplingFactors")
    return None if values is None else recorded_size(list(values)[::-1], VOLUME[-len(values) :], [])


def letters(names: Sequence[Any]) -> str:
    """Give a letter for each axis; "" where one of them is unknown."""
    words = [str(name).strip("^").lower() for name in names]
    found = "".join(WORDS.get(word, word).upper() for word in words)
    return found if len(found) == len(words) and set(found) <= set("TC" + VOLUME) else ""


def recorded_size(values: Sequence[Any], axes: str, units: Sequence[str | None]) -> Vector | None:
    """Give the size of a voxel along z, y, x; of a plane, which has no depth, that along y serves for z.

    None where all are 0, which programs write for what they do not know, or their units cannot be compared.
    """
    size = place_of(values, axes, units, along_y=True)
    if not size or not any(size):
        return None
    if min(size) <= 0:
        raise ValueError(f"{list(size)}; expected three positive numbers")
    return size


def place_of(values: Sequence[Any], axes: str, units: Sequence[str | None], along_y: bool = False) -> Vector | None:
    """Choose the values along z, y, x; of a plane nothing need be recorded along z.

    None where their units cannot be compared.
    """
    numbers = [float(value) for value in values]
    if len(units) == len(numbers):
        spatial = [place for place, _ in enumerate(numbers) if not axes or axes[place : place + 1] in VOLUME]
        same = in_one_unit([numbers[place] for place in spatial], [units[place] for place in spatial])
        if same is None:
            return None
        for place, number in zip(spatial, same, strict=True):
            numbers[place] = number
    vector = _vector(numbers, axes, None if along_y else 0.0)
    if not all(map(math.isfinite, vector)):
        raise ValueError(f"{list(vector)}; expected three finite numbers")
    return vector


def _vector(numbers: Sequence[float], axes: str, depth: float | None) -> Vector:
    """Give z, y, x; without z that is `depth`, or as along y."""
    if len(axes) != len(numbers):
        axes = VOLUME if len(numbers) == len(VOLUME) else ""
    by_name = dict(zip(axes, numbers, strict=False))
    if not {"Y", "X"} <= by_name.keys():
        raise ValueError(f"{list(numbers)}; expected three numbers, for z, y and x")
    return by_name.get("Z", by_name["Y"] if depth is None else depth), by_name["Y"], by_name["X"]


def _axes(value: Any, is_reversed: bool) -> str:
    """Give a letter for each axis; "" where an attribute is something else than their names."""
    if isinstance(value, str | bytes) and value[:1] in ("{", b"{"):
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            return letters([tag["key"] for tag in json.loads(value)["axes"]])
    return letters(value[:: -1 if is_reversed else 1]) if isinstance(value, list | tuple) else ""
