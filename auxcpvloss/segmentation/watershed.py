"""Seeded watershed, components, and the removal of instances by their size."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.segmentation.arrays import SIX_NEIGHBOURS, Labels
from auxcpvloss.segmentation.flooding import WANTED, flood
from auxcpvloss.segmentation.runs import Indices, Runs, intersect, number_components
from auxcpvloss.system.kernel import kernel

Flood = Literal["foreground", "volume"]


def seeded_watershed(
    surface: NDArray[np.float32],
    seeds: Runs,
    foreground: Runs,
    flood_in: Flood = "foreground",
    numbers: Indices | None = None,
) -> Labels:
    """Flood a surface from seeds and keep the foreground.

    Parameters
    ----------
    surface : (Z, Y, X) array of float32
        Flooded from low to high. Of "foreground" only that part is read.
    seeds : Runs
        Each connected component (6-neighbourhood) is the marker of one instance.
    foreground : Runs
        Where instances may be.
    flood_in : {"foreground", "volume"}
        "foreground" floods each connected piece of the foreground by itself, so that every instance is one piece
        and a piece without a seed stays background. "volume" floods everything and cuts out the foreground, as the
        original software does: instances may fall into several pieces.
    numbers : (N,) array of int64, optional
        The instance, 1..n, that each run of `seeds` is a marker of; all of these lie in the foreground.

    Returns
    -------
    (Z, Y, X) array of uint32
        Instances 1..n, 0 background.
    """
    if flood_in == "volume":
        return _flood_volume(surface, seeds, foreground, number_components(seeds)[0] if numbers is None else numbers)
    seeds, within = intersect(seeds, foreground)
    markers = number_components(seeds)[0] if numbers is None else numbers
    pieces, count = number_components(foreground)
    values = _markers_of(pieces, count, markers, within)[pieces]
    labels = np.zeros(surface.shape, np.uint32)
    _paint(labels.reshape(-1), foreground.starts, foreground.stops, values)
    # Only pieces with several markers need be flooded: one by one, which stays in the processor's cache.
    contested = np.flatnonzero(values[within] == WANTED)
    contested = contested[np.argsort(pieces[within[contested]], kind="stable")]
    seeds, of = Runs(seeds.shape, seeds.starts[contested], seeds.stops[contested]), pieces[within[contested]]
    _paint(labels.reshape(-1), seeds.starts, seeds.stops, markers[contested])
    sizes = np.bincount(pieces, foreground.lengths) - np.bincount(of, seeds.lengths, minlength=count + 1)
    begins = np.flatnonzero(np.diff(of, prepend=0))
    flood(labels, surface, seeds, np.append(begins, len(of)), sizes[of[begins]].astype(np.int64))
    return labels


def label_components(foreground: Runs) -> Labels:
    """Number the connected components (6-neighbourhood) of the foreground, 1..n: (Z, Y, X) labels, 0 elsewhere."""
    labels = np.zeros(foreground.shape, np.uint32)
    _paint(labels.reshape(-1), foreground.starts, foreground.stops, number_components(foreground)[0])
    return labels


def _flood_volume(surface: NDArray[np.float32], seeds: Runs, foreground: Runs, numbers: Indices) -> Labels:
    import mahotas

    if not len(numbers):
        return np.zeros(surface.shape, np.uint32)
    markers = np.zeros(surface.shape, np.int32)
    _paint(markers.reshape(-1), seeds.starts, seeds.stops, numbers)
    labels: Labels = mahotas.cwatershed(surface, markers, Bc=SIX_NEIGHBOURS).astype(np.uint32)
    # What lies between the runs of the foreground.
    starts, stops = np.append(0, foreground.stops), np.append(foreground.starts, labels.size)
    _paint(labels.reshape(-1), starts, stops, np.zeros(len(starts), np.int64))
    return keep_sizes(labels, 1)


@kernel()
def _markers_of(pieces: Indices, count: int, markers: Indices, within: Indices) -> Any:
    """Give the marker of each piece: 0 where there is none, `WANTED` where there are several."""
    found = np.zeros(count + 1, np.uint32)
    for seed in range(len(markers)):
        piece = pieces[within[seed]]
        if found[piece] == 0:
            found[piece] = markers[seed]
        elif found[piece] != markers[seed]:
            found[piece] = WANTED
    return found


@kernel()
def _paint(labels: Any, starts: Indices, stops: Indices, values: Any) -> None:
    for run in range(len(starts)):
        labels[starts[run] : stops[run]] = values[run]


def keep_sizes(labels: Labels, least: int, most: int = 0) -> Labels:
    """Take instances of less or more voxels than the limits for background; the others are numbered anew, 1..n.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        Changed in place.
    least, most : int
        0: there is no such limit.

    Returns
    -------
    (Z, Y, X) array of uint32
        The same.
    """
    if least or most:
        _renumber(labels.reshape(-1), least, most or labels.size)
    return labels


@kernel()
def _renumber(labels: Any, least: int, most: int) -> None:
    greatest = np.uint32(0)
    for label in labels:
        greatest = max(greatest, label)
    sizes = np.zeros(np.int64(greatest) + 1, np.int64)
    for label in labels:
        if label:
            sizes[label] += 1
    numbers, count = np.zeros(len(sizes), np.uint32), 0
    for label in range(1, len(sizes)):
        if least <= sizes[label] <= most and sizes[label]:
            count += 1
            numbers[label] = count
    for voxel in range(len(labels)):
        if labels[voxel]:
            labels[voxel] = numbers[labels[voxel]]
