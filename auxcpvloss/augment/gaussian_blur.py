"""Gaussian blur, as of an image out of focus."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, in_voxels
from auxcpvloss.augment.deform import Floats
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

Sigma = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class GaussianBlur(Occasional):
    """Gaussian blur."""

    category: ClassVar = "blur"

    sigma: Annotated[tuple[Sigma, Sigma], Ordered] = Field(
        (0.5, 1.5),
        description="Range of the standard deviation, in voxels along the axis with the smallest spacing; the blur "
        "is equally wide in space along all axes.",
        examples=[[1, 2]],
    )


def change(raw: Floats, table: GaussianBlur, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Blur by the same width in space along all axes; an image has no z."""
    sigma = in_voxels(rng.uniform(*table.sigma), setting)
    axes = range(3 - setting.ndim, 3)
    return np.asarray(ndimage.gaussian_filter(raw, sigma[list(axes)], mode="nearest", axes=axes))


GAUSSIAN_BLUR = Augmentation("gaussian_blur", GaussianBlur, change=change, blurs=True)
