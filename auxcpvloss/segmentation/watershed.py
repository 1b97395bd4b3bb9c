"""Seeded watershed, and the removal of small instances."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.segmentation.arrays import SIX_NEIGHBOURS, Labels, Mask
from auxcpvloss.system.lazy import lazily

mahotas = lazily("mahotas")
ndimage = lazily("scipy.ndimage")


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
