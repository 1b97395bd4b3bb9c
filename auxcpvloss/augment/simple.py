"""Mirroring and exchange of axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from auxcpvloss.augment.augmentation import Augmentation, InPlane, Setting, Sizes
from auxcpvloss.config.tables.augmentation import AugmentationTable
from auxcpvloss.methods.transforms import exchangeable

if TYPE_CHECKING:
    import gunpowder as gp


def _each_once(axes: list[int]) -> list[int]:
    if len(set(axes)) < len(axes):
        raise ValueError(f"must name each axis once, not {axes}")
    return axes


def _without_z(axes: list[int]) -> list[int]:
    return [axis for axis in axes if axis != 0]


Axes = Annotated[
    list[Annotated[int, Field(ge=0, le=2)]], Field(max_length=3), AfterValidator(_each_once), InPlane(_without_z)
]


class Simple(AugmentationTable):
    """Mirroring and exchange of axes."""

    category: ClassVar = "flips"
    off: ClassVar = {"mirror": [], "transpose": []}

    mirror: Axes = Field(
        [0, 1, 2], description="Axes (0 z, 1 y, 2 x) that are mirrored, each with probability 1/2.", examples=[[0]]
    )
    transpose: Axes = Field(
        [0, 1, 2],
        description="Axes that are permuted at random, if their voxel sizes are equal.",
        examples=[[1, 2]],
    )


def exchangeable_axes(table: Simple, voxel_size: Sequence[float]) -> list[int]:
    """Return the axes of `transpose`, less those whose voxel size differs from the others'."""
    return exchangeable(table.transpose, voxel_size)


def node(table: Simple, setting: Setting, raw: gp.ArrayKey) -> gp.BatchFilter:
    """Make the gunpowder node."""
    import gunpowder as gp

    return gp.SimpleAugment(mirror_only=table.mirror, transpose_only=exchangeable_axes(table, setting.voxel_size))


def extent(sizes: Sizes, table: Simple, setting: Setting) -> Sizes:
    """Largest extent of an object after exchange of axes."""
    return _largest(sizes, exchangeable_axes(table, setting.voxel_size))


def region(sizes: Sizes, table: Simple, setting: Setting) -> Sizes:
    """Largest region that one is made from by exchange of axes."""
    return _largest(sizes, table.transpose)


def _largest(sizes: Sizes, axes: list[int]) -> Sizes:
    sizes = sizes.copy()
    sizes[axes] = sizes[axes].max(initial=0)
    return sizes


SIMPLE = Augmentation("simple", Simple, node=node, extent=extent, region=region)
