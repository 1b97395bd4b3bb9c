"""What the rules know about volumes: sums over the nuclei of all training volumes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import Vector
from auxcpvloss.configure import recipe
from auxcpvloss.network.shapes import Shape

T = TypeVar("T")


@dataclass(frozen=True)
class Brightness:
    """How bright nuclei are in a volume, in the numbers of its file.

    Attributes
    ----------
    darkest, background, nucleus : float
        Lower percentile of all voxels; median outside of nuclei; median over the means of nuclei.
    upper : tuple of float
        The percentiles `recipe.UPPER` of all voxels.
    foreground : float
        Part of the voxels that are in nuclei.
    """

    darkest: float
    background: float
    nucleus: float
    upper: tuple[float, ...]
    foreground: float

    def contrast(self, choice: int) -> float:
        """How far the median nucleus is from the background if the percentile of this number becomes 1."""
        width = self.upper[choice] - self.darkest
        inside = min(self.nucleus, self.upper[choice])
        return max(0.0, inside - self.background) / width if width > 0 else 0.0


@dataclass(frozen=True, eq=False)
class VolumeFacts:
    """What was measured in a training volume; of each of its N nuclei.

    Attributes
    ----------
    shape : (Z, Y, X)
    voxel_size : (z, y, x)
    extents : (N, 3) array
        In voxels, along z, y, x; of points (1, 3), guessed from the distances between them.
    is_whole, has_interior, is_touching : (N,) array of bool
        Whether the end of the volume does not cut it; a voxel is left inside its boundary; it touches another one.
    brightness : Brightness or None
        None for points, and where there is no background.
    """

    name: str
    shape: Shape
    voxel_size: Vector
    nuclei: int
    extents: NDArray[Any]
    is_whole: NDArray[np.bool_]
    has_interior: NDArray[np.bool_]
    is_touching: NDArray[np.bool_]
    brightness: Brightness | None
    are_points: bool = False


@dataclass(frozen=True)
class Facts:
    """What the rules go by.

    Attributes
    ----------
    ndim : int
        2 for images.
    volumes, nuclei : int
        Training volumes that were looked at, and the nuclei in them.
    shape : (Z, Y, X)
        The least size of a training volume along each axis, in voxels of `voxel_size`.
    voxel_size : (z, y, x)
        The median.
    is_mixed : bool
        Whether the volumes differ in it.
    extent : (z, y, x)
        Of the median nucleus, in voxels of `voxel_size`.
    interior, touching : float
        Part of the nuclei that have voxels inside their boundary; that touch another one.
    are_points : bool
        Whether the ground truth is points.
    """

    ndim: int
    volumes: int
    nuclei: int
    shape: Shape
    voxel_size: Vector
    is_mixed: bool
    extent: Vector
    interior: float
    touching: float
    brightness: tuple[Brightness, ...]
    are_points: bool


def axes(sizes: Iterable[T], ndim: int) -> list[T]:
    """Give sizes (z, y, x) along the axes that there are: y and x alone for images."""
    return list(sizes)[3 - ndim :]


def lengths(sizes: Iterable[float], ndim: int) -> str:
    """Write sizes (z, y, x) for people, along the axes that there are."""
    return " x ".join(f"{round(size, 2):g}" for size in axes(sizes, ndim))


def summarize(volumes: Sequence[VolumeFacts]) -> Facts:
    """Sum up what was measured in training volumes, of which at least one has nuclei."""
    voxels = np.array([each.voxel_size for each in volumes], float)
    median = np.median(voxels, axis=0)
    shapes = np.array([each.shape for each in volumes])
    # In space, because voxels may differ.
    extents = np.concatenate([each.extents * each.voxel_size for each in volumes])
    is_whole = np.concatenate([each.is_whole for each in volumes])
    extent = np.median(extents[is_whole] if is_whole.any() else extents, axis=0) / median
    return Facts(
        ndim=2 if (shapes[:, 0] == 1).all() else 3,
        volumes=len(volumes),
        nuclei=sum(each.nuclei for each in volumes),
        shape=_shape(np.floor((shapes * voxels / median).min(axis=0) + 0.01)),
        voxel_size=_vector(median),
        is_mixed=bool((np.abs(voxels / median - 1) > recipe.ALIKE).any()),
        extent=_vector(np.maximum(extent, 1)),
        interior=_share([each.has_interior for each in volumes]),
        touching=_share([each.is_touching for each in volumes]),
        brightness=tuple(each.brightness for each in volumes if each.brightness is not None),
        are_points=any(each.are_points for each in volumes),
    )


def _share(flags: Sequence[NDArray[np.bool_]]) -> float:
    every = np.concatenate(flags)
    return float(every.mean()) if len(every) else 1.0


def _vector(values: NDArray[Any]) -> Vector:
    z, y, x = (float(value) for value in values)
    return z, y, x


def _shape(values: NDArray[Any]) -> Shape:
    z, y, x = (max(1, int(value)) for value in values)
    return z, y, x
