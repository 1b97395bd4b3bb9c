"""A volume and its labels as OME-Zarr 0.4 (https://ngff.openmicroscopy.org/0.4/), in several resolutions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import zarr
from numpy.typing import NDArray

from auxcpvloss.config.units import AXES, Space
from auxcpvloss.data.checksums import seal
from auxcpvloss.system.files import replacing

VERSION = "0.4"
CHUNKS = (64, 64, 64)
SMALLEST = 64
"""Maximum number of voxels along each axis of the coarsest resolution."""

Factors = tuple[int, int, int]


class Coarsening(NamedTuple):
    """How a coarser resolution is made: its name, for programs and in words, and a function of array and block size.

    `middle` is where in its block a coarse voxel lies: 0 the first voxel, 0.5 the middle.
    """

    name: str
    way: str
    function: Callable[[NDArray[Any], Factors], NDArray[Any]]
    middle: float


def _firsts(array: NDArray[Any], step: Factors) -> NDArray[Any]:
    """Give the first voxel of each block."""
    return array[tuple(slice(None, None, n) for n in step)]


def _means(array: NDArray[Any], step: Factors) -> NDArray[Any]:
    """Give the mean of each block; at the end of the volume, of the voxels that are left."""
    for axis, n in enumerate(step):
        if n > 1:
            even = np.pad(array, [(0, -size % n * (i == axis)) for i, size in enumerate(array.shape)], mode="edge")
            halves = even.reshape(*even.shape[:axis], -1, n, *even.shape[axis + 1 :])
            array = halves.mean(axis=axis + 1, dtype=np.float32).astype(array.dtype)
    return array


MEAN = Coarsening("mean", "mean of each block of voxels", _means, 0.5)
NEAREST = Coarsening("nearest", "first voxel of each block", _firsts, 0.0)


def write_ome_zarr(
    path: Path, image: NDArray[Any], labels: Mapping[str, NDArray[Any]], space: Space, attributes: Mapping[str, Any]
) -> None:
    """Write a (Z, Y, X) image, and labels of its shape by name, with more attributes; replaces the folder at once.

    Coarser resolutions of the image are means; those of labels have the label of the first voxel of each block.
    """
    with replacing(path) as beside:
        root = zarr.group(store(beside))
        _write(root, path.name.removesuffix(".ome.zarr"), image, MEAN, space)
        root.attrs.update(attributes)
        group = root.create_group("labels")
        group.attrs["labels"] = list(labels)
        for name, array in labels.items():
            one = group.create_group(name)
            _write(one, name, array, NEAREST, space)
            one.attrs["image-label"] = {"version": VERSION, "source": {"image": "../../"}}
        seal(root)


def store(path: Path) -> zarr.DirectoryStore:
    """Open a store with a folder for each axis of a chunk's number, as the format requires."""
    return zarr.DirectoryStore(str(path), dimension_separator="/")


def levels(shape: tuple[int, ...], voxel_size: tuple[float, ...]) -> list[Factors]:
    """Choose by which factors, along z, y and x, each resolution is coarser than the first one.

    Axes are halved, but not those along which voxels are twice as long already as they are wide: they come to be
    about as long as wide.
    """
    found: list[Factors] = [(1, 1, 1)]
    while max(left := [-(-n // f) for n, f in zip(shape, found[-1], strict=True)]) > SMALLEST:
        sizes = [size * f for size, f in zip(voxel_size, found[-1], strict=True)]
        # Axes of a single voxel do not count.
        least = min(size for size, n in zip(sizes, left, strict=True) if n > 1)
        halved = [n > 1 and size < 2 * least for n, size in zip(left, sizes, strict=True)]
        z, y, x = (f * (1 + half) for f, half in zip(found[-1], halved, strict=True))
        found.append((z, y, x))
    return found


def _write(group: zarr.Group, name: str, array: NDArray[Any], coarsening: Coarsening, space: Space) -> None:
    """Write an array in all resolutions, each made of the one before."""
    datasets = []
    before: Factors = (1, 1, 1)
    for number, factor in enumerate(levels(array.shape, space.voxel_size)):
        z, y, x = (new // old for new, old in zip(factor, before, strict=True))
        array, before = coarsening.function(array, (z, y, x)), factor
        group.create_dataset(
            str(number),
            data=array,
            chunks=CHUNKS,
            compressor=zarr.Blosc(cname="zstd", clevel=3, shuffle=zarr.Blosc.SHUFFLE),
            # Also chunks of zeros: a chunk that is missing was lost.
            write_empty_chunks=True,
        )
        size = np.multiply(space.voxel_size, factor)
        shift = space.offset + coarsening.middle * np.subtract(factor, 1) * space.voxel_size
        transformations = [
            {"type": "scale", "scale": size.tolist()},
            {"type": "translation", "translation": shift.tolist()},
        ]
        datasets.append({"path": str(number), "coordinateTransformations": transformations})
    unit = {"unit": space.unit} if space.unit else {}
    axes = [{"name": axis, "type": "space", **unit} for axis in AXES]
    described = {"version": VERSION, "name": name, "axes": axes, "datasets": datasets}
    made = {"type": coarsening.name, "metadata": {"description": coarsening.way}}
    group.attrs["multiscales"] = [{**described, **made}]
