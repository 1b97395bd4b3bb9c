"""A sample: one volume as the program uses it, `<name>.zarr` and `<name>.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data, Preprocessing
from auxcpvloss.data.centers import format_centers, read_centers
from auxcpvloss.data.intensities import normalize
from auxcpvloss.data.objects import measure
from auxcpvloss.data.source import Source, reading, voxel_size
from auxcpvloss.errors import InputError
from auxcpvloss.files import discard, replacing, write_text

__all__ = ["Sample", "expected_made_from", "normalize", "open_sample", "write_sample"]

RAW = "volumes/raw"
LABELS = "volumes/gt_labels"
CHUNKS = (64, 64, 64)
# Raise it with every change of what is stored: samples of other versions are made again.
VERSION = 1


@dataclass(frozen=True)
class Sample:
    """A whole sample on disk; everything is read when it is asked for.

    Attributes
    ----------
    name : str
    path : Path
        The zarr folder; the table of centers lies beside it.
    """

    name: str
    path: Path

    @property
    def raw(self) -> zarr.Array:
        """Image: (Z, Y, X) zarr array of float32, in 0..1."""
        return self._root[RAW]

    @property
    def labels(self) -> zarr.Array | None:
        """Labels: (Z, Y, X) zarr array of uint32, or None; 0 is background."""
        return self._root[LABELS] if self.has_labels else None

    @property
    def has_labels(self) -> bool:
        """Whether the sample has ground truth."""
        return LABELS in self._root

    @property
    def shape(self) -> tuple[int, int, int]:
        """Z, Y, X, in voxels."""
        return self.raw.shape

    @property
    def voxel_size(self) -> tuple[float, float, float]:
        """Along z, y, x."""
        z, y, x = self.raw.attrs["resolution"]
        return z, y, x

    @property
    def made_from(self) -> dict[str, Any]:
        """What the sample was made from, to compare with `expected_made_from`."""
        return dict(self._root.attrs["made_from"])

    @property
    def origin(self) -> str:
        """Where the volume was read from, for people."""
        return str(self._root.attrs["origin"])

    @property
    def max_extent(self) -> tuple[int, int, int]:
        """Largest extent of an instance along z, y, x, in voxels; zeros where there is none."""
        z, y, x = self._root.attrs["max_extent"]
        return z, y, x

    def centers(self) -> NDArray[np.float64]:
        """Centers of the instances: (N, 4), z, y, x in voxels and the label; as annotated, else centers of mass."""
        return read_centers(_table(self.path))

    @property
    def _root(self) -> zarr.Group:
        return zarr.open_group(str(self.path), mode="r")


def write_sample(source: Source, path: Path, data: Data, preprocessing: Preprocessing) -> Sample:
    """Store a volume as a sample, all or nothing.

    Parameters
    ----------
    source : a volume that `verify` finds fit
    path : of the zarr folder; what is there is replaced
    data : voxel size and keys
    preprocessing : how intensities are brought to 0..1

    Raises
    ------
    InputError
        The volume cannot be read, or its intensities do not fit `preprocessing`.
    """
    made_from = expected_made_from(source, data, preprocessing)
    labels = source.read_labels()
    objects = measure(np.zeros((1, 1, 1), np.uint32) if labels is None else labels)
    centers = source.read_centers()
    if centers is None:
        centers = np.column_stack([objects.centers, objects.ids])
    try:
        raw = normalize(source.read_raw(), preprocessing)
    except InputError as error:
        raise InputError(f"{source.origin}: {error}") from error

    with replacing(path) as beside:
        root = zarr.group(zarr.DirectoryStore(str(beside)))
        attributes = {"offset": list(source.offset()), "resolution": made_from["voxel_size"]}
        _store(root, RAW, raw, attributes)
        if labels is not None:
            _store(root, LABELS, labels.astype(np.uint32), attributes)
        root.attrs.update(
            source=Path(source.origin).name,
            origin=source.origin,
            checksum=made_from["checksum"],
            made_from=made_from,
            max_extent=objects.extents.max(axis=0, initial=0).tolist(),
        )
        # Never the volume of before beside the centers of now.
        discard(path)
        write_text(_table(path), format_centers(centers))
    return Sample(path.stem, path)


def expected_made_from(source: Source, data: Data, preprocessing: Preprocessing) -> dict[str, Any]:
    """List everything that a sample depends on: the `Sample.made_from` of one that is up to date.

    Raises
    ------
    InputError
        The volume cannot be read, or the size of its voxels is not known.
    """
    return {
        "checksum": source.checksum(),
        "voxel_size": [float(size) for size in voxel_size(source, data)],
        "preprocessing": preprocessing.model_dump(mode="json"),
        "raw_key": data.raw_key,
        "gt_key": data.gt_key,
        "version": VERSION,
    }


def open_sample(path: Path) -> Sample | None:
    """Open a sample; None where there is none, or only a part of one."""
    sample = Sample(path.stem, path)
    try:
        with reading(path):
            is_whole = _table(path).is_file() and sample.shape and sample.voxel_size and sample.max_extent
            return sample if is_whole and sample.made_from else None
    except InputError:
        return None


def _table(path: Path) -> Path:
    return path.with_suffix(".csv")


def _store(root: zarr.Group, key: str, array: NDArray[Any], attributes: dict[str, Any]) -> None:
    stored = root.create_dataset(
        key, data=array, chunks=CHUNKS, compressor=zarr.Blosc(cname="zstd", clevel=3, shuffle=zarr.Blosc.SHUFFLE)
    )
    stored.attrs.update(attributes)
