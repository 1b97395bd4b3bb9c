"""Random change of brightness and contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Ordered, Setting
from auxcpvloss.config.tables.augmentation import AugmentationTable
from auxcpvloss.config.tables.types import Finite, NotNegativeFloat

if TYPE_CHECKING:
    import gunpowder as gp


class Intensity(AugmentationTable):
    """Random change of brightness and contrast of every patch."""

    category: ClassVar = "contrast"
    off: ClassVar = {"scale": (1.0, 1.0), "shift": (0.0, 0.0)}

    scale: Annotated[tuple[NotNegativeFloat, NotNegativeFloat], Ordered] = Field(
        (0.9, 1.1),
        description="Range of the factor by which differences from the mean of the patch are multiplied.",
        examples=[[0.5, 1.1]],
    )
    shift: Annotated[tuple[Finite, Finite], Ordered] = Field(
        (-0.1, 0.1), description="Range of the number that is added to intensities.", examples=[[-0.2, 0.1]]
    )


def node(table: Intensity, setting: Setting, raw: gp.ArrayKey) -> gp.BatchFilter:
    """Make the gunpowder node."""
    import gunpowder as gp

    return gp.IntensityAugment(raw, *table.scale, *table.shift, clip=False)


INTENSITY = Augmentation("intensity", Intensity, node=node)
