"""Gamma correction: dark or bright intensities are spread."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, log_uniform
from auxcpvloss.augment.deform import Floats

Exponent = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]


class Gamma(Occasional):
    """Gamma correction."""

    category: ClassVar = "contrast"

    exponent: Annotated[tuple[Exponent, Exponent], Ordered] = Field(
        (0.7, 1.4),
        description="Range of the exponent, applied to intensities scaled to 0..1 in the patch; below 1 it brightens "
        "dark voxels.",
        examples=[[0.5, 2]],
    )


def change(raw: Floats, table: Gamma, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Raise intensities to a power, within the range that they have in the patch."""
    exponent = log_uniform(rng, table.exponent)
    low, high = raw.min(), raw.max()
    # Of a patch of one intensity nothing changes.
    scale = high - low or np.float32(1)
    return np.asarray(low + scale * ((raw - low) / scale) ** exponent)


GAMMA = Augmentation("gamma", Gamma, change=change)
