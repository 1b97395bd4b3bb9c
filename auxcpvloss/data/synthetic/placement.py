"""Push ellipsoids apart that overlap too far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.system.lazy import lazily

spatial = lazily("scipy.spatial")

Floats = NDArray[np.floating]


def apart(centers: Floats, half_axes: Floats, spacing: float, rotations: Floats | None = None) -> Floats:
    """Move the centers of each pair that is too close half of the way apart.

    Parameters
    ----------
    centers, half_axes : (N, 3) arrays
    spacing : float
        Of two centers at least, in terms of the distance at which the ellipsoids would just touch.
    rotations : (N, 3, 3) array, optional
        A vector times the rotation of an ellipsoid is the vector along the half-axes; by default they lie along the
        axes of the volume.
    """
    first, second = spatial.cKDTree(centers).query_pairs(2 * half_axes.max(), output_type="ndarray").T
    gap = centers[second] - centers[first]
    distance = np.linalg.norm(gap, axis=1, keepdims=True) + 1e-6
    direction = gap / distance

    def reach(side: NDArray[np.integer]) -> Floats:
        # How far an ellipsoid reaches in a direction is about the norm of its half-axes times that direction.
        along = direction if rotations is None else np.einsum("ni,nij->nj", direction, rotations[side])
        return np.asarray(np.linalg.norm(half_axes[side] * along, axis=1, keepdims=True))

    push = direction * np.maximum(spacing * (reach(first) + reach(second)) - distance, 0) / 4
    moved = centers.copy()
    np.add.at(moved, second, push)
    np.subtract.at(moved, first, push)
    return moved
