"""Poisson noise, as of few photons."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, log_uniform
from auxcpvloss.augment.deform import Floats

Photons = Annotated[float, Field(ge=1, le=1e6, allow_inf_nan=False)]


class PoissonNoise(Occasional):
    """Poisson noise."""

    category: ClassVar = "noise"

    photons: Annotated[tuple[Photons, Photons], Ordered] = Field(
        (20.0, 200.0),
        description="Range of the number of photons of the brightest voxel of the patch; the darkest has none.",
        examples=[[5, 50]],
    )


def change(raw: Floats, table: PoissonNoise, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Draw the photons of each voxel.

    skimage.util.random_noise takes the number of photons from the number of different intensities, of which a float
    image has so many that hardly any noise is left.
    """
    low = raw.min()
    photon = (raw.max() - low) / log_uniform(rng, table.photons) or 1.0
    return np.asarray(low + photon * rng.poisson((raw - low) / photon))


POISSON_NOISE = Augmentation("poisson_noise", PoissonNoise, change=change)
