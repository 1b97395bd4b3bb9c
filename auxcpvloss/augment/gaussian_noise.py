"""Gaussian noise, as of a camera."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting
from auxcpvloss.augment.deform import Floats
from auxcpvloss.config.tables.types import NotNegativeFloat


class GaussianNoise(Occasional):
    """Gaussian noise."""

    category: ClassVar = "noise"

    sigma: Annotated[tuple[NotNegativeFloat, NotNegativeFloat], Ordered] = Field(
        (0.0, 0.1), description="Range of the standard deviation of the noise.", examples=[[0.05, 0.2]]
    )


def change(raw: Floats, table: GaussianNoise, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Add independent noise to each voxel."""
    return np.asarray(raw + rng.uniform(*table.sigma) * rng.standard_normal(raw.shape, np.float32))


GAUSSIAN_NOISE = Augmentation("gaussian_noise", GaussianNoise, change=change)
