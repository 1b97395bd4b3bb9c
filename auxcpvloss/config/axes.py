"""Expand short forms: one number for all axes, and two axes for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALONG_Z: Mapping[tuple[str, str], float | None] = {
    ("model", "train_input_shape"): 1,
    ("model", "test_input_shape"): 1,
    ("model", "downsample_factors"): 1,
    ("model", "kernel_size"): 1,
    ("model", "blind_extent"): 0,
    ("pretrain", "blind_extent"): 0,
    ("data", "voxel_size"): None,
    ("data", "test_voxel_size"): None,
    ("data", "target_voxel_size"): None,
    ("data", "padding"): 0,
}
"""Value along z if `model.ndim` = 2, by key; None: unchanged, or that along y if there is none."""


def write_out(tables: dict[str, Any]) -> None:
    """Expand short forms in merged tables, in place.

    With ``model.ndim = 2`` an image is a volume of one plane: two numbers (y, x) become three, and the first of three
    numbers, such as the defaults, is replaced. Values of a wrong type are left for the tables to refuse.
    """
    model = tables["model"]
    size = model.get("kernel_size")
    if isinstance(size, int) and not isinstance(size, bool):
        model["kernel_size"] = [size] * 3
    if model.get("ndim") != 2:
        return
    for (name, key), z in ALONG_Z.items():
        table = tables.get(name)
        if isinstance(table, dict) and key in table:
            table[key] = in_plane(table[key], z)


def in_plane(value: Any, z: float | None) -> Any:
    """Turn (y, x) or (z, y, x) into (z, y, x) with the plane's z; in a list of such lists, each of them."""
    if isinstance(value, list) and any(isinstance(entry, list) for entry in value):
        return [in_plane(entry, z) for entry in value]
    if not isinstance(value, list) or len(value) not in (2, 3):
        return value
    return [value[0] if z is None else z, *value[-2:]]
