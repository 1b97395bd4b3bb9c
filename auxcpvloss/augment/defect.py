"""Missing or dark planes."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting
from auxcpvloss.augment.deform import Floats
from auxcpvloss.config.tables.types import Fraction, Hundreds


class Defect(Occasional):
    """Missing or dark planes."""

    category: ClassVar = "defect"

    planes: Annotated[tuple[Hundreds, Hundreds], Ordered] = Field(
        (1, 2), description="Range of the number of adjacent planes along z (images: rows).", examples=[[1, 4]]
    )
    brightness: Annotated[tuple[Fraction, Fraction], Ordered] = Field(
        (0.0, 0.5),
        description="Range of the factor by which they are darkened, down to the darkest voxel of the patch. 0: "
        "missing.",
        examples=[[0, 0]],
    )


def change(raw: Floats, table: Defect, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Darken adjacent planes."""
    axis = 3 - setting.ndim
    count = min(rng.integers(table.planes[0], table.planes[1], endpoint=True), raw.shape[axis])
    first = rng.integers(raw.shape[axis] - count, endpoint=True)
    darkened, low = raw.copy(), raw.min()
    planes = np.moveaxis(darkened, axis, 0)[first : first + count]
    planes[:] = low + rng.uniform(*table.brightness) * (planes - low)
    return darkened


DEFECT = Augmentation("defect", Defect, change=change)
