"""From a surface, seeds and a foreground to instances: pure array functions."""

from __future__ import annotations

from typing import Any, Literal

import mahotas
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.uint32]
Mask = NDArray[np.bool_]

SIX_NEIGHBOURS = ndimage.generate_binary_structure(3, 1)


def seeded_watershed(
    surface: NDArray[Any],
    seeds: Mask,
    foreground: Mask,
    flood: Literal["foreground", "volume"] = "foreground",
) -> Labels:
    """Flood a surface from seeds and keep the foreground.

    Parameters
    ----------
    surface : (Z, Y, X) array of float
        Flooded from low to high.
    seeds : (Z, Y, X) array of bool
        Each connected component (6-neighbourhood) is the marker of one instance.
    foreground : (Z, Y, X) array of bool
        Where instances may be.
    flood : {"foreground", "volume"}
        "foreground" floods each connected piece of the foreground by itself, so that every instance is one piece
        and a piece without a seed stays background. "volume" floods everything and cuts out the foreground, as the
        original software does: instances may fall into several pieces.

    Returns
    -------
    (Z, Y, X) array of uint32
        Instances 1..n, 0 background.
    """
    if flood == "volume":
        markers, _ = ndimage.label(seeds, SIX_NEIGHBOURS)
        flooded = mahotas.cwatershed(surface, markers, Bc=SIX_NEIGHBOURS) if markers.any() else markers
        return _relabel(np.where(foreground, flooded, 0))
    markers, _ = ndimage.label(seeds & foreground, SIX_NEIGHBOURS)
    pieces, _ = ndimage.label(foreground, SIX_NEIGHBOURS)
    instances = np.zeros(surface.shape, dtype=np.uint32)
    for number, box in enumerate(ndimage.find_objects(pieces), start=1):
        piece = pieces[box] == number
        inside = np.where(piece, markers[box], 0)
        found = np.unique(inside[inside > 0])
        if len(found) > 1:
            inside = _flood_piece(surface[box], inside, piece)
        elif len(found) == 1:
            inside = found[0]
        else:
            continue
        instances[box][piece] = inside[piece] if isinstance(inside, np.ndarray) else inside
    return instances


def _flood_piece(surface: NDArray[Any], markers: NDArray[Any], piece: Mask) -> NDArray[Any]:
    # Water reaches the height of the wall only after all of the piece, which is connected, is flooded.
    walled = np.where(piece, surface, surface.max() + 1)
    flooded: NDArray[Any] = mahotas.cwatershed(walled, markers, Bc=SIX_NEIGHBOURS)
    return flooded


def _relabel(labels: NDArray[Any]) -> Labels:
    present = np.unique(labels[labels > 0])
    numbers = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.uint32)
    numbers[present] = np.arange(1, len(present) + 1)
    return numbers[labels]


def remove_small(labels: Labels, min_size: int) -> Labels:
    """Take instances of less than `min_size` voxels for background; the others are numbered anew, 1..n.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    min_size : int
        0 keeps all.

    Returns
    -------
    (Z, Y, X) array of uint32
    """
    sizes = np.bincount(labels.ravel())
    return _relabel(np.where(sizes[labels] >= min_size, labels, 0)) if min_size else labels


def dilate(labels: Labels, steps: int) -> Labels:
    """Grow every instance by one 6-neighbour step a time, into the background only.

    A background voxel that two instances reach in the same step stays background: neither takes from the other,
    and the result does not depend on how instances are numbered.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    steps : int

    Returns
    -------
    (Z, Y, X) array of uint32
    """
    for _ in range(steps):
        greatest = ndimage.maximum_filter(labels, footprint=SIX_NEIGHBOURS, mode="nearest")
        # Background must not count as the least label, so it is taken for the greatest number here.
        others = np.where(labels == 0, np.iinfo(labels.dtype).max, labels)
        least = ndimage.minimum_filter(others, footprint=SIX_NEIGHBOURS, mode="nearest")
        labels = np.where((labels == 0) & (least == greatest), greatest, labels)
    return labels


def count_votes(vectors: NDArray[Any]) -> NDArray[np.int32]:
    """Count, for each voxel, how many vectors end in it.

    Parameters
    ----------
    vectors : (3, Z, Y, X) array of float
        (dz, dy, dx) in voxels, from each voxel; rounded to whole voxels, ends outside are moved to the border.

    Returns
    -------
    (Z, Y, X) array of int32
        They add up to the number of voxels.
    """
    depth, height, width = shape = vectors.shape[1:]
    rows, columns = np.arange(height, dtype=np.float32)[:, np.newaxis], np.arange(width, dtype=np.float32)
    votes = np.zeros(depth * height * width, dtype=np.int32)
    # Plane by plane, since that stays in the processor's cache.
    for z, plane in enumerate(np.moveaxis(vectors, 1, 0)):
        end = np.zeros((height, width), dtype=np.intp)
        for component, start, size in zip(plane, (np.float32(z), rows, columns), shape, strict=True):
            place = np.rint(component, dtype=np.float32)
            place += start
            np.clip(place, 0, size - 1, out=place)
            end *= size
            end += place.astype(np.int32)
        np.add.at(votes, end.ravel(), np.int32(1))
    return votes.reshape(shape)


def local_maxima(values: NDArray[Any], threshold: float, reach: int) -> NDArray[np.int64]:
    """Find voxels above a threshold that are the highest within a window.

    Parameters
    ----------
    values : (Z, Y, X) array of float
    threshold : float
    reach : int
        The window is 2 x reach + 1 voxels wide.

    Returns
    -------
    (N, 3) array of int64
        z, y, x; of a plateau (26-neighbourhood) the voxel nearest to its center.
    """
    highest = ndimage.maximum_filter(values, size=2 * reach + 1, mode="nearest") == values
    plateaus, count = ndimage.label(highest & (values > threshold), np.ones((3, 3, 3)))
    points = np.empty((count, 3), dtype=np.int64)
    for number, box in enumerate(ndimage.find_objects(plateaus)):
        voxels = np.argwhere(plateaus[box] == number + 1)
        nearest = ((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1).argmin()
        points[number] = voxels[nearest] + [side.start for side in box]
    return points


def mean_within(values: NDArray[Any], labels: NDArray[Any]) -> NDArray[np.float64]:
    """Mean of values over the voxels of each label.

    Parameters
    ----------
    values : (Z, Y, X) array of float
    labels : (Z, Y, X) array of integer
        0 is background; the others need be neither small nor consecutive.

    Returns
    -------
    (N,) array of float64
        By rising label.
    """
    voxels = np.flatnonzero(labels)
    _, instance, sizes = np.unique(labels.reshape(-1)[voxels], return_inverse=True, return_counts=True)
    return np.bincount(instance, weights=values.reshape(-1)[voxels], minlength=len(sizes)) / sizes
