"""Change of contrast within the range of intensities: what leaves it saturates."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, log_uniform
from auxcpvloss.augment.deform import Floats

Factor = Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)]


class Contrast(Occasional):
    """Change of contrast with saturation."""

    category: ClassVar = "contrast"

    factor: Annotated[tuple[Factor, Factor], Ordered] = Field(
        (0.7, 1.4),
        description="Range of the factor by which differences from the mean of the patch are multiplied; results are "
        "clipped to the range of intensities of the patch (unlike with `intensity.scale`).",
        examples=[[0.5, 2]],
    )


def change(raw: Floats, table: Contrast, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Multiply differences from the mean, and clip to the range of before."""
    mean = raw.mean()
    return np.asarray(np.clip(mean + (raw - mean) * log_uniform(rng, table.factor), raw.min(), raw.max()))


CONTRAST = Augmentation("contrast", Contrast, change=change)
