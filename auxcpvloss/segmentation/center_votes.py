"""Centers of nuclei, and the voxels of each, by where center point vectors end."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.segmentation.runs import Indices, Runs, intersect, number_components
from auxcpvloss.system.kernel import kernel
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

STEPS = 2
"""How often a vector is followed: the one that starts where the first one ends corrects it."""

TRUNCATE = 3.0
"""Standard deviations after which the kernel that smooths votes is cut off."""

APART = 0.5
"""Distance between the centers of different nuclei, in units of the extent of one, at least."""

Points = NDArray[np.float64]


class Ends(NamedTuple):
    """Where the vectors of the foreground end.

    Attributes
    ----------
    places : (N, 3) array of float32
        z, y, x in voxels, within the volume, by rising index of the voxel.
    extent : (3,) array of float64
        Half the size of a typical nucleus along each axis, in voxels, at least 1.
    """

    places: NDArray[np.float32]
    extent: NDArray[np.float64]


def follow(vectors: NDArray[Any], foreground: Runs) -> Ends:
    """Follow the vectors of the foreground to their ends.

    The vector of the voxel next to the end of a vector is added to it, since vectors are the better the nearer the
    center is (`STEPS` vectors in all). The size of a nucleus follows from the lengths of its vectors: the root mean
    square of their components along an axis is 1 / sqrt(5) of the semi-axis of an ellipsoid, 1 / 2 of that of an
    ellipse.

    Parameters
    ----------
    vectors : (3, Z, Y, X) array of float
        (dz, dy, dx) in voxels.
    foreground : Runs

    Returns
    -------
    Ends
        Each depends on the vectors along its way, but the extent on all of the foreground.
    """
    voxels = foreground.voxels
    places = np.empty((len(voxels), 3), np.float32)
    squares = np.zeros(3)
    _follow(np.ascontiguousarray(vectors, np.float32), voxels, places, squares)
    axes = sum(size > 1 for size in foreground.shape)
    return Ends(places, np.sqrt((axes + 2) * squares / max(len(voxels), 1)).clip(min=1))


@kernel()
def _follow(vectors: Any, voxels: Indices, places: Any, squares: Any) -> None:
    _, depth, height, width = vectors.shape
    shape = (depth, height, width)
    for i, voxel in enumerate(voxels):
        places[i, 0], places[i, 1], places[i, 2] = voxel // (height * width), voxel // width % height, voxel % width
        for step in range(STEPS):
            z, y, x = (
                np.int64(np.rint(places[i, 0])),
                np.int64(np.rint(places[i, 1])),
                np.int64(np.rint(places[i, 2])),
            )
            for axis in range(3):
                component = vectors[axis, z, y, x]
                if step == 0:
                    squares[axis] += np.float64(component) ** 2
                place = places[i, axis] + component
                # Also what is no number.
                if not place > 0:
                    place = np.float32(0)
                places[i, axis] = min(place, np.float32(shape[axis] - 1))


def smooth_votes(ends: Ends, shape: tuple[int, ...], width: float) -> NDArray[np.float32]:
    """Count how many vectors end around each voxel.

    Parameters
    ----------
    ends : Ends
    shape : tuple of int
        Of the volume.
    width : float
        Standard deviation of the Gaussian kernel, as a fraction of `Ends.extent`.

    Returns
    -------
    (Z, Y, X) array of float32
        1 at the center of a nucleus of typical size whose vectors all end there.
    """
    votes = np.zeros(shape, np.float32)
    _add_votes(ends.places, votes)
    axes = [axis for axis in range(3) if shape[axis] > 1]
    sigma = [width * ends.extent[axis] if axis in axes else 0.0 for axis in range(3)]
    votes = ndimage.gaussian_filter(votes, sigma, mode="constant", truncate=TRUNCATE)
    volume = {0: 1.0, 1: 2.0, 2: pi, 3: 4 / 3 * pi}[len(axes)] * np.prod([ends.extent[axis] for axis in axes])
    votes /= np.float32(volume / np.prod([max(1.0, sqrt(2 * pi) * sigma[axis]) for axis in axes]))
    return votes


@kernel()
def _add_votes(places: Any, votes: Any) -> None:
    """Add one vote for each place, shared among the eight voxels around it."""
    depth, height, width = votes.shape
    for i in range(len(places)):
        z, y, x = np.int64(places[i, 0]), np.int64(places[i, 1]), np.int64(places[i, 2])
        far_z, far_y, far_x = places[i, 0] - z, places[i, 1] - y, places[i, 2] - x
        for dz in range(2):
            for dy in range(2):
                for dx in range(2):
                    part = (far_z if dz else 1 - far_z) * (far_y if dy else 1 - far_y) * (far_x if dx else 1 - far_x)
                    if part > 0:
                        votes[min(z + dz, depth - 1), min(y + dy, height - 1), min(x + dx, width - 1)] += part


def no_centers() -> Points:
    """Give an empty array of centers: (0, 3)."""
    return np.empty((0, 3))


def find_peaks(votes: NDArray[np.float32], fraction: float) -> Points:
    """Give the voxels with more votes than `fraction`, and more than all 26 neighbours: (P, 3), z, y, x.

    Of neighbours with equally many it is the first one.
    """
    above = np.flatnonzero(votes > fraction)
    peaks = above[_are_peaks(votes, above)]
    return np.stack(np.unravel_index(peaks, votes.shape), axis=1).astype(np.float64)


@kernel()
def _are_peaks(votes: Any, voxels: Indices) -> Any:
    depth, height, width = votes.shape
    found = np.ones(len(voxels), np.bool_)
    for i, voxel in enumerate(voxels):
        z, y, x = voxel // (height * width), voxel // width % height, voxel % width
        own = votes[z, y, x]
        for k in range(max(z - 1, 0), min(z + 2, depth)):
            for j in range(max(y - 1, 0), min(y + 2, height)):
                for m in range(max(x - 1, 0), min(x + 2, width)):
                    is_before = (k * height + j) * width + m < voxel
                    if votes[k, j, m] > own or (is_before and votes[k, j, m] == own):
                        found[i] = False
    return found


def add_components(centers: Points, ends: Ends, seeds: Runs, foreground: Runs) -> Points:
    """Add a center for each connected component of seeds whose vectors mostly end near none that is known.

    Parameters
    ----------
    centers : (P, 3) array of float64
    ends : Ends
    seeds, foreground : Runs

    Returns
    -------
    (P + Q, 3) array of float64
        The new ones are where those vectors of a component end, in the mean, that end at least `APART` from all of
        `centers`.
    """
    within, _ = intersect(seeds, foreground)
    numbers, count = number_components(within)
    of, places = np.repeat(numbers, within.lengths), ends.places[np.searchsorted(foreground.voxels, within.voxels)]
    is_far = nearest(Ends(places, ends.extent), centers, APART) == 0
    far = np.bincount(of[is_far], minlength=count + 1)
    new = np.flatnonzero(2 * far > np.bincount(of, minlength=count + 1))
    sums = [np.bincount(of[is_far], places[is_far, axis], count + 1)[new] for axis in range(3)]
    return np.concatenate([centers, np.transpose(sums) / far[new, np.newaxis]])


def nearest(ends: Ends, centers: Points, most: float = np.inf) -> Indices:
    """Give the number of the center, 1..P, that each vector ends nearest to.

    Distances are in units of `Ends.extent`, so that they are comparable along all axes.

    Parameters
    ----------
    ends : Ends
    centers : (P, 3) array of float64
    most : float
        0 is given where no center is as near as this.

    Returns
    -------
    (N,) array of int64
    """
    from scipy.spatial import cKDTree

    if not len(centers):
        return np.zeros(len(ends.places), np.int64)
    _, found = cKDTree(centers / ends.extent).query(ends.places / ends.extent, distance_upper_bound=most)
    return np.where(found < len(centers), found + 1, 0)
