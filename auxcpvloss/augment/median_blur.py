"""Median filter: small structures vanish, edges stay."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, in_voxels
from auxcpvloss.augment.deform import Floats
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")


def _odd(size: int) -> int:
    if size % 2 == 0:
        # A window that has no voxel in its middle would shift the image against the labels.
        raise ValueError(f"must be odd numbers, not {size}")
    return size


Width = Annotated[int, Field(ge=1, le=31), AfterValidator(_odd)]


class MedianBlur(Occasional):
    """Median filter."""

    category: ClassVar = "blur"

    size: Annotated[tuple[Width, Width], Ordered] = Field(
        (3, 5),
        description="Range of the width of the window, odd numbers of voxels along the axis with the smallest spacing; "
        "it is equally wide in space along all axes. 1: no change.",
        examples=[[1, 7]],
    )


def change(raw: Floats, table: MedianBlur, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Replace each voxel by the median of the window around it; an image has no z."""
    radius = int(rng.integers(table.size[0] // 2, table.size[1] // 2, endpoint=True))
    widths = 2 * np.rint(in_voxels(radius, setting)).astype(int) + 1
    axes = tuple(range(3 - setting.ndim, 3))
    return np.asarray(ndimage.median_filter(raw, tuple(widths[list(axes)]), mode="nearest", axes=axes))


MEDIAN_BLUR = Augmentation("median_blur", MedianBlur, change=change, blurs=True)
