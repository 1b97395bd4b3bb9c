"""What a person may write shorter, written out: one number for all axes, and two axes for images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

ALONG_Z: Mapping[tuple[str, ...], float | None] = {
    ("model", "train_input_shape"): 1,
    ("model", "test_input_shape"): 1,
    ("model", "downsample_factors"): 1,
    ("model", "kernel_size"): 1,
    ("data", "voxel_size"): None,
    ("data", "padding"): 0,
}
"""What `model.ndim` = 2 makes of z, key by key; None: as it is, and where there is none, as along y."""


def write_out(tables: dict[str, Any]) -> None:
    """Complete merged tables in place; what is written out already stays as it is.

    With ``model.ndim = 2`` an image is a volume of one plane, in which z takes no part: two numbers (y, x) become
    three, and of three numbers, such as the defaults, the first one is replaced. Values of a wrong kind are left for
    the tables to refuse.

    Parameters
    ----------
    tables : nested dict
        Of all configuration files together, not checked yet.
    """
    model = tables["model"]
    size = model.get("kernel_size")
    if isinstance(size, int) and not isinstance(size, bool):
        model["kernel_size"] = [size] * 3
    if model.get("ndim") != 2:
        return
    for key, z in ALONG_Z.items():
        _change(tables, key, partial(in_plane, z=z))


def _change(tables: dict[str, Any], key: tuple[str, ...], change: Callable[[list[Any]], Any]) -> None:
    *above, last = key
    table: Any = tables
    for part in above:
        table = table.get(part) if isinstance(table, dict) else None
    if isinstance(table, dict) and isinstance(table.get(last), list):
        table[last] = change(table[last])


def in_plane(value: Any, z: float | None) -> Any:
    """(y, x) or (z, y, x) -> (z, y, x), the plane's z; of a list of such, each."""
    if isinstance(value, list) and any(isinstance(entry, list) for entry in value):
        return [in_plane(entry, z=z) for entry in value]
    if not isinstance(value, list) or len(value) not in (2, 3):
        return value
    first = value[0] if z is None else z
    return [first, *value[-2:]]
