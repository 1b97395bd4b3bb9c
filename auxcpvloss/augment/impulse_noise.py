"""Impulse noise, salt and pepper: as of dead and hot pixels."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting
from auxcpvloss.augment.deform import Floats
from auxcpvloss.config.tables.types import Fraction


class ImpulseNoise(Occasional):
    """Impulse noise."""

    category: ClassVar = "noise"

    fraction: Annotated[tuple[Fraction, Fraction], Ordered] = Field(
        (0.001, 0.05), description="Range of the fraction of the voxels that are replaced.", examples=[[0.01, 0.15]]
    )
    salt: Fraction = Field(
        0.5,
        description="Fraction of these that become as bright as the brightest voxel of the patch; the others become as "
        "dark as the darkest.",
        examples=[1.0],
    )


def change(raw: Floats, table: ImpulseNoise, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Replace voxels by the extreme intensities of the patch, independently of each other."""
    fraction, chance = rng.uniform(*table.fraction), rng.random(raw.shape, np.float32)
    return np.select([chance < fraction * table.salt, chance < fraction], [raw.max(), raw.min()], raw)


IMPULSE_NOISE = Augmentation("impulse_noise", ImpulseNoise, change=change)
