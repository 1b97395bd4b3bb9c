"""Labels as TIFF, as Fiji opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import SYMBOLS, Space
from auxcpvloss.system.files import replacing
from auxcpvloss.system.lazy import lazily

tifffile = lazily("tifffile")

IMAGEJ_BYTES = 2**32 - 2**25
"""Size limit of ImageJ's format, whose offsets have 32 bits, minus some room for metadata."""

SHORT = {**SYMBOLS, "": "pixel"}
"""Units as written in microscopy formats; OME interprets a length without a unit as micrometers."""


def write_labels(path: Path, labels: NDArray[Any], space: Space) -> None:
    """Write (Z, Y, X) labels below 2^32, compressed, with the size of a voxel; replaces the file at once.

    Up to label 65,535 as uint16 and in ImageJ's format. More labels, or more than 4 GB of them, ImageJ's format cannot
    hold: they are written as OME-TIFF, uint32 where needed.
    """
    fits = labels.max(initial=0) <= np.iinfo(np.uint16).max
    stored = labels.astype(np.uint16 if fits else np.uint32)
    is_imagej = fits and stored.nbytes < IMAGEJ_BYTES
    unit, (z, y, x) = SHORT[space.unit], space.voxel_size
    metadata: dict[str, Any] = {"axes": "ZYX"}
    if is_imagej:
        # ImageJ's metadata are ASCII.
        metadata |= {"spacing": z, "unit": unit.replace("µ", "\\u00B5")}
    else:
        for axis, size in zip("ZYX", space.voxel_size, strict=True):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    with replacing(path) as beside:
        tifffile.imwrite(
            beside,
            stored,
            imagej=is_imagej,
            ome=not is_imagej,
            resolution=(1 / x, 1 / y),
            resolutionunit="NONE",
            metadata=metadata,
            photometric="minisblack",
            compression="zlib",
        )
