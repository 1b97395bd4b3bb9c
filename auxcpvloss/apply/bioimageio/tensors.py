"""The tensors of a network as bioimage.io describes them: axes, sizes, preprocessing; and a pair of them as test."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config import Config
from auxcpvloss.config.units import AXES, Vector
from auxcpvloss.data.intensities import normalize
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.shapes import AxisGeometry
from auxcpvloss.system.errors import InputError

RAW = "raw"
"""Name of the input."""
TEST_SIZE = 64
"""Voxels of the test input along an axis, about, if the network takes so few."""
SMALLEST = 1e-12
"""Added to denominators, which this program does not do."""


def input_sizes(axis: AxisGeometry) -> tuple[int, int]:
    """Give the smallest size of the input along an axis of which an output remains without its halo, and the step."""
    step = axis.total_factor
    if axis.valid:
        size = 1
        while axis.output_size(size) is None:
            size += 1
        return size, step
    return -(-(2 * axis.context + 1) // step) * step, step


def input_descr(config: Config, voxel_size: Vector) -> dict[str, Any]:
    """Describe the input of the network."""
    axes: list[dict[str, Any]] = [{"type": "batch"}]
    for name, axis, scale in zip(AXES, geometry(config.model), voxel_size, strict=True):
        smallest, step = input_sizes(axis)
        size = 1 if _is_flat(config, name) else {"min": smallest, "step": step}
        axes.append({**_space(config, name, scale), "size": size})
    axes.append({"type": "channel", "channel_names": ["nuclei"]})
    return {
        "id": RAW,
        "description": "intensities of any range; each sample is normalized by its own",
        "axes": axes,
        "preprocessing": preprocessing(config),
        "data": {"type": "float32"},
    }


def output_descr(config: Config, head: Head, voxel_size: Vector) -> dict[str, Any]:
    """Describe the output of a head."""
    axes: list[dict[str, Any]] = [{"type": "batch"}]
    for name, axis, scale in zip(AXES, geometry(config.model), voxel_size, strict=True):
        space = _space(config, name, scale)
        if _is_flat(config, name):
            axes.append({**space, "size": 1})
            continue
        smallest, _ = input_sizes(axis)
        reference = {"tensor_id": RAW, "axis_id": name, "offset": (axis.output_size(smallest) or 0) - smallest}
        halo = {} if axis.valid or not axis.context else {"halo": axis.context}
        axes.append({**space, "size": reference, **halo})
    axes.append({"type": "channel", "channel_names": [f"{head.name}{number}" for number in range(head.channels)]})
    return {"id": head.name, "description": f"as trained with {head.loss}, no activation", "axes": axes}


def preprocessing(config: Config) -> list[dict[str, Any]]:
    """Describe how intensities are normalized.

    Raises
    ------
    InputError
        bioimage.io has no words for it.
    """
    keys = config.preprocessing
    for key in ("square", "cuberoot"):
        if getattr(keys, key):
            raise InputError(
                f"preprocessing.{key}: bioimage.io cannot describe it; train without it to export a model."
            )
    axes = ["z", "y", "x", "channel"]
    if keys.normalize == "none":
        return []
    if keys.normalize == "mean_std":
        return [{"id": "zero_mean_unit_variance", "kwargs": {"axes": axes, "eps": SMALLEST}}]
    low, high = (keys.lower_percentile, keys.upper_percentile) if keys.normalize == "percentile" else (0.0, 100.0)
    scale = {"axes": axes, "min_percentile": low, "max_percentile": high, "eps": SMALLEST}
    return [{"id": "scale_range", "kwargs": scale}, {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}}]


def test_input(config: Config, raw: NDArray[Any]) -> NDArray[np.float32]:
    """Cut the middle out of an image, (Z, Y, X), as an input of the network: (1, Z, Y, X, 1)."""
    for number, axis in enumerate(geometry(config.model)):
        if raw.shape[number] == 1 and config.model.ndim == 2:
            continue
        smallest, step = input_sizes(axis)
        most = max(smallest, min(TEST_SIZE, raw.shape[number]))
        size = smallest + (most - smallest) // step * step
        missing = max(0, size - raw.shape[number])
        raw = np.pad(raw, [(missing // 2, -(-missing // 2)) if n == number else (0, 0) for n in range(3)], "symmetric")
        first = (raw.shape[number] - size) // 2
        raw = raw.take(range(first, first + size), number)
    return raw.astype(np.float32)[np.newaxis, ..., np.newaxis]


def normalized(config: Config, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Normalize an input as this program does."""
    return normalize(tensor[0, ..., 0], config.preprocessing)[np.newaxis, ..., np.newaxis]


def _space(config: Config, name: str, scale: float) -> dict[str, Any]:
    unit = {"unit": config.data.voxel_unit} if config.data.voxel_unit else {}
    return {"type": "space", "id": name, "scale": scale, **unit}


def _is_flat(config: Config, name: str) -> bool:
    return config.model.ndim == 2 and name == "z"
