"""A sample: one volume as the program uses it, `<name>.zarr` and `<name>.csv`."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.centers import read_centers
from auxcpvloss.data.grids import Grid, move_points
from auxcpvloss.data.missing_chunks import ADVICE, lacking, open_whole
from auxcpvloss.data.sample_places import table_path
from auxcpvloss.data.volume import Volume
from auxcpvloss.system.checksums import CHANGED, file_digest
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    import zarr
else:
    zarr = lazily("zarr")

PARTLY = "partly_annotated"
"""Attribute of samples in whose ground truth some voxels are `IGNORED`."""
RAW, LABELS, POINTS = "volumes/raw", "volumes/gt_labels", "volumes/gt_points"
CLEAN = "volumes/clean"
"""The image without the blur and noise that were added to it (data.degrade)."""
ORIGINAL = "original"
"""Folder in a resampled sample of the arrays as the files have them, in place of "volumes"."""
CENTERS = "centers"
"""Attribute of a sample: checksum of the table of centers beside it."""
VERSION, LIBRARIES = 2, ("numpy", "scipy", "tifffile", "zarr")
"""Of how samples are made, and what computes them: raise the number with every change of what is written for the same
volume."""


@dataclass(frozen=True)
class Sample:
    """A whole sample on disk, opened once, when something of it is asked for; no voxel is read then.

    Attributes
    ----------
    name : str
    path : Path
        The zarr folder; the table of centers lies beside it, if there is ground truth. Its name is that of the sample,
        or one of its `sample_places.versions`.
    is_original : bool
        Of a sample that was resampled: whether it is looked at as its files have it, see `original`.
    """

    name: str
    path: Path
    is_original: bool = field(default=False, kw_only=True)

    @cached_property
    def original(self) -> Sample:
        """The volume on the grid of its files, on which results are given: itself, unless it was resampled."""
        return replace(self, is_original=True) if ORIGINAL in self._root else self

    @cached_property
    def raw(self) -> Volume:
        """Image: (Z, Y, X) of float32; in 0..1, unless preprocessing.normalize is "mean_std"."""
        return self._volume(RAW)

    @cached_property
    def clean(self) -> Volume | None:
        """The image without the blur and noise of data.degrade, mapped to 0..1 like `raw`; None if there are none."""
        return self._volume(CLEAN) if CLEAN in self._root else None

    @cached_property
    def truth(self) -> Volume | None:
        """Ground truth: labels, or a small ball around every point, (Z, Y, X) of uint32, 0 elsewhere; or None.

        Where the volume `is_partly_annotated`, some of its voxels are `IGNORED`.
        """
        return None if self.truth_key is None else self._volume(self.truth_key)

    @cached_property
    def truth_key(self) -> str | None:
        """Which array is the ground truth: "volumes/gt_labels" before "volumes/gt_points"; None where there is none."""
        return next((key for key in (LABELS, POINTS) if key in self._root), None)

    @property
    def labels(self) -> Volume | None:
        """The ground truth where it is a label for every voxel, else None."""
        return self.truth if self.has_labels else None

    @property
    def has_labels(self) -> bool:
        """Whether the ground truth is a label for every voxel."""
        return self.truth_key == LABELS

    @property
    def is_sparse(self) -> bool:
        """Whether points are all the ground truth."""
        return self.truth_key == POINTS

    @property
    def has_truth(self) -> bool:
        """Whether there is ground truth: labels or points."""
        return self.truth_key is not None

    @property
    def is_partly_annotated(self) -> bool:
        """Whether there is ground truth for a part of the voxels only."""
        return bool(self._attributes.get(PARTLY))

    @property
    def has_points(self) -> bool:
        """Whether centers were annotated, beside labels or without."""
        return bool(self._attributes["has_points"])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Z, Y, X, in voxels."""
        z, y, x = self.raw.shape
        return z, y, x

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Along z, y, x."""
        return self.raw.voxel_size

    @property
    def offset(self) -> tuple[float, float, float]:
        """Position of the first voxel along z, y, x, in the unit of the voxel size."""
        return self.raw.offset

    @property
    def grid(self) -> Grid:
        """Where its voxels are."""
        return Grid(self.shape, self.voxel_size, self.offset)

    @property
    def padding(self) -> tuple[int, int, int]:
        """Voxels at either end, along z, y, x, that are not of the files; on the grid of the files there are none."""
        z, y, x = (0, 0, 0) if self.is_original else self.made_from["padding"]
        return z, y, x

    @property
    def nucleus(self) -> float | None:
        """Size of the median nucleus, in voxels; None without masks, or if it was not recorded."""
        size = self._attributes.get("nucleus")
        return None if size is None else float(size)

    @property
    def max_extent(self) -> tuple[int, int, int]:
        """Largest extent of an instance, or of a point's ball, along z, y, x, in voxels; zeros where there is none."""
        z, y, x = self._attributes["max_extent"]
        return z, y, x

    @property
    def median_extent(self) -> tuple[float, float, float]:
        """The median, likewise; zeros also in samples that do not record it."""
        z, y, x = self._attributes.get("median_extent", (0, 0, 0))
        return z, y, x

    @property
    def has_nuclei(self) -> bool:
        """Whether the ground truth has an instance or a point."""
        return any(self.max_extent)

    @property
    def origin(self) -> str:
        """Where the volume was read from, for people."""
        return str(self._attributes["origin"])

    @property
    def image_checksum(self) -> str:
        """Checksum of the values of the image as it was read; "" where an older version stored the sample."""
        return str(self._attributes.get("image_checksum", ""))

    @property
    def made_from(self) -> dict[str, Any]:
        """What the sample was made from, to compare with `expected_made_from`."""
        return dict(self._attributes["made_from"])

    @property
    def made_with(self) -> dict[str, str]:
        """Versions of what computed it."""
        return dict(self._attributes.get("made_with", {}))

    def lacking(self) -> str:
        """Say what of it is missing or changed; "" where nothing is. Of the chunks none is read."""
        table = table_path(self.path)
        if table.is_file() != self.has_truth:
            return f"{table.name} is missing" if self.has_truth else f"the ground truth of {table.name} is missing"
        return lacking(self._root) or (f"{table.name} {CHANGED}" if self._is_other_table() else "")

    def centers(self) -> NDArray[np.float64]:
        """Centers of the instances: (N, 4), z, y, x in voxels and the label; as annotated, else centers of mass."""
        if not self.has_truth:
            return np.empty((0, 4))
        if self._is_other_table():
            raise InputError(f"{table_path(self.path)}: {CHANGED}. {ADVICE.format(self.path)}")
        centers = read_centers(table_path(self.path))
        if self.original != self:
            # The table is of the files.
            centers[:, :3] = move_points(centers[:, :3], self.original.grid, self.grid)
        return centers

    def _volume(self, key: str) -> Volume:
        _, name = key.split("/")
        return Volume(self.path, f"{ORIGINAL}/{name}" if self.is_original else key, self._root)

    def _is_other_table(self) -> bool:
        """Whether the table of centers is not the one written with the arrays; earlier versions did not record it."""
        digest = self._attributes.get(CENTERS)
        return digest is not None and digest != file_digest(table_path(self.path))

    @cached_property
    def _root(self) -> zarr.Group:
        return open_whole(self.path)

    @cached_property
    def _attributes(self) -> dict[str, Any]:
        return self._root.attrs.asdict()

    def __getstate__(self) -> dict[str, Any]:
        # Another process opens it anew.
        return {field.name: getattr(self, field.name) for field in fields(self)}
