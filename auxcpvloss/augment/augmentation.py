"""What an augmentation is: a table of the configuration, and what it does to a patch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from auxcpvloss.augment.deform import Deformation, Floats
from auxcpvloss.config.tables import Config
from auxcpvloss.config.tables.augmentation import AugmentationTable
from auxcpvloss.config.tables.types import Fraction

if TYPE_CHECKING:
    # Importing gunpowder takes seconds where TensorFlow is installed; reading a configuration must not.
    import gunpowder as gp

T = TypeVar("T", bound=AugmentationTable)
Sizes = NDArray[np.float64]


@dataclass(frozen=True)
class InPlane:
    """Marks a key of a table whose list has an entry for z.

    Attributes
    ----------
    change : callable
        Value as written in the configuration -> value for images (``model.ndim = 2``).
    """

    change: Callable[[list[Any]], list[Any]]


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError(f"the first number must not be above the second, not {list(pair)}")
    return pair


Ordered = AfterValidator(_ordered)
"""Checks that a pair of numbers is a range."""


def log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw a factor from a range of positive numbers, such that x and 1 / x are equally likely in (1 / a, a)."""
    return float(np.exp(rng.uniform(*np.log(limits))))


@dataclass(frozen=True)
class Setting:
    """What augmentations must know about the patches.

    Attributes
    ----------
    voxel_size : (z, y, x)
    ndim : {2, 3}
        2: patches have one plane.
    """

    voxel_size: tuple[float, float, float]
    ndim: int


def in_voxels(length: float, setting: Setting) -> Sizes:
    """Give a length along z, y, x: equally long in space.

    Parameters
    ----------
    length : float
        In voxels along the axis with the smallest spacing.
    setting : Setting

    Returns
    -------
    (3,) array
        In voxels along each axis.
    """
    return length * min(setting.voxel_size) / np.array(setting.voxel_size)


class Occasional(AugmentationTable):
    """An augmentation of some of the patches only."""

    probability: Fraction = Field(
        0.0, description="Probability that a patch is changed. 0: the augmentation is off.", examples=[0.5]
    )


def _unchanged(sizes: Sizes, table: Any, setting: Setting) -> Sizes:
    return sizes


@dataclass(frozen=True, eq=False)
class Augmentation(Generic[T]):
    """A random change of training patches.

    An augmentation has one of `deform`, `node` and `change`.

    Attributes
    ----------
    name : str
        Its table is [training.augmentation.<name>].
    table : type of Table
        Its keys, each with a default, a description and an example.
    deform : callable, optional
        (deformation, table, setting, rng) -> deformation: for image and labels. All augmentations that have it share
        one map and one interpolation.
    node : callable, optional
        (table, setting, key of the raw image) -> gunpowder node.
    change : callable, optional
        ((Z, Y, X) image, table, setting, rng) -> image. The labels stay. Intensities may be negative.
    extent : callable
        (extent of an object along z, y, x in voxels, table, setting) -> its largest extent afterwards.
    region : callable
        (shape of a region, table, setting) -> shape of the largest region that it is made from.
    blurs : bool
        Whether `change` computes voxels from several, as `deform` does.
    """

    name: str
    table: type[T]
    deform: Callable[[Deformation, T, Setting, np.random.Generator], Deformation] | None = None
    node: Callable[[T, Setting, gp.ArrayKey], gp.BatchFilter] | None = None
    change: Callable[[Floats, T, Setting, np.random.Generator], NDArray[np.floating]] | None = None
    extent: Callable[[Sizes, T, Setting], Sizes] = _unchanged
    region: Callable[[Sizes, T, Setting], Sizes] = _unchanged
    blurs: bool = False

    @property
    def correlates(self) -> bool:
        """Whether it computes voxels from several, whose noise they share then."""
        return self.deform is not None or self.blurs

    def table_of(self, config: Config) -> T:
        """Return its table of a configuration; switched off, if `training.augmentation.without` names it."""
        return cast(T, getattr(config.training.augmentation.applied(), self.name))

    def is_on(self, config: Config) -> bool:
        """Whether it changes anything."""
        return self.table_of(config).is_on

    def in_plane(self) -> dict[str, Callable[[list[Any]], list[Any]]]:
        """Return, by key, what images make of lists that have an entry for z."""
        return {
            key: mark.change
            for key, field in self.table.model_fields.items()
            for mark in field.metadata
            if isinstance(mark, InPlane)
        }
