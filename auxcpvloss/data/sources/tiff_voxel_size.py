"""The size of a voxel, in the dialects in which TIFF files record it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from auxcpvloss.data.sources.source import Vector
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import tifffile
else:
    tifffile = lazily("tifffile")


def recorded_voxel_size(tiff: tifffile.TiffFile) -> Vector | None:
    """Find the size of a voxel along z, y, x.

    Read are the calibration of ImageJ, and `spacing_zyx` in the JSON description that tifffile writes; OME metadata, in
    `ome`, may be those of several files.

    Returns
    -------
    tuple or None
        In the unit of the file; None where any of the three is not recorded, or they differ in their units. Of an
        image of one plane the first is that along y, unless it is recorded.
    """
    if tiff.is_imagej:
        return _from_imagej(tiff)
    if tiff.shaped_metadata:
        return _valid(tiff.shaped_metadata[0].get("spacing_zyx", ()))
    return None


def _from_imagej(tiff: tifffile.TiffFile) -> Vector | None:
    metadata = tiff.imagej_metadata
    # ImageJ leaves out a spacing of 1, and the units along y and z where they are that of x.
    if not metadata.keys() & {"unit", "spacing"} or metadata.keys() & {"yunit", "zunit"}:
        return None
    voxels_per_unit = [tiff.pages[0].tags[f"{axis}Resolution"].value for axis in "YX"]
    along_plane = [below / above if above else math.nan for above, below in voxels_per_unit]
    spacing = 1.0 if metadata.get("images", 1) > 1 else along_plane[0]
    return _valid([abs(metadata.get("spacing", spacing)), *along_plane])


def _valid(sizes: Sequence[float]) -> Vector | None:
    if len(sizes) != 3 or not all(math.isfinite(size) and size > 0 for size in sizes):
        return None
    z, y, x = map(float, sizes)
    return z, y, x
