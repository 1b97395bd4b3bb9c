"""A batch as images, for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

GAP = 2
"""White columns between two channels."""
WHITE = 255


def batch_images(
    raw: NDArray[Any], targets: Mapping[str, NDArray[Any]], outputs: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[np.uint8]]:
    """Show the middle plane of the first patch: raw data, targets and what the network makes of it.

    Parameters
    ----------
    raw : (B, 1, Z, Y, X) array
    targets, outputs : mapping of head name to (B, C, Z, Y, X) array
        In the middle of the raw data, which may be larger.

    Returns
    -------
    dict of name to (Y, X) array of uint8
        ``batch/raw``, ``batch/target/<head>`` and ``batch/prediction/<head>``: channels side by side, each from its
        minimum, black, to its maximum, white; values that are not finite are shown as 0.
    """
    shape = next(iter(targets.values())).shape[2:]
    z, y, x = (
        slice((whole - part) // 2, (whole + part) // 2) for whole, part in zip(raw.shape[2:], shape, strict=True)
    )
    arrays = {"batch/raw": raw[:, :, z, y, x]}
    arrays |= {f"batch/target/{name}": array for name, array in targets.items()}
    arrays |= {f"batch/prediction/{name}": array for name, array in outputs.items()}
    return {name: _side_by_side(array[0, :, array.shape[2] // 2]) for name, array in arrays.items()}


def _side_by_side(channels: NDArray[Any]) -> NDArray[np.uint8]:
    """Lay (C, Y, X) channels beside each other."""
    # What is no number ends the training, but not here; in double precision no difference is too large.
    values = np.nan_to_num(channels.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (end(values, axis=(1, 2), keepdims=True) for end in (np.min, np.max))
    scaled = (values - low) / np.where(high > low, high - low, 1)
    framed = np.pad((WHITE * scaled).astype(np.uint8), [(0, 0), (0, 0), (0, GAP)], constant_values=WHITE)
    return np.concatenate(framed, axis=1)[:, :-GAP]
