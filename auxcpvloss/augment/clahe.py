"""Contrast-limited adaptive histogram equalization: local contrast is raised."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.augment.augmentation import Augmentation, Occasional, Ordered, Setting, in_voxels, log_uniform
from auxcpvloss.augment.deform import Floats
from auxcpvloss.system.lazy import lazily

exposure = lazily("skimage.exposure")

Limit = Annotated[float, Field(ge=1e-4, le=1, allow_inf_nan=False)]
Edge = Annotated[int, Field(ge=2, le=1000)]


class Clahe(Occasional):
    """Contrast-limited adaptive histogram equalization."""

    category: ClassVar = "contrast"

    clip_limit: Annotated[tuple[Limit, Limit], Ordered] = Field(
        (0.005, 0.03),
        description="Range of the share of the voxels of a neighbourhood above which one of its 256 intensities counts "
        "no more; the larger, the higher the contrast.",
        examples=[[0.02, 0.2]],
    )
    size: Annotated[tuple[Edge, Edge], Ordered] = Field(
        (16, 32),
        description="Range of the edge of the neighbourhoods, in voxels along the axis with the smallest spacing; they "
        "are equally wide in space along all axes.",
        examples=[[8, 64]],
    )


def change(raw: Floats, table: Clahe, setting: Setting, rng: np.random.Generator) -> NDArray[np.floating]:
    """Equalize histograms of neighbourhoods; darkest and brightest intensity of the patch stay what they are."""
    limit, size = log_uniform(rng, table.clip_limit), int(rng.integers(*table.size, endpoint=True))
    low, high = raw.min(), raw.max()
    if low == high:
        return raw
    edges = np.rint(in_voxels(size, setting)).astype(int).clip(1, raw.shape)
    shape, kernel = raw.shape[3 - setting.ndim :], edges[3 - setting.ndim :]
    if len(shape) == 3 and shape[-1] in (3, 4):
        # The last of three axes would be taken for that of colors.
        shape, kernel = (1, *shape), np.insert(kernel, 0, 1)
    # The function takes intensities within 0 and 1 only.
    scaled = ((raw - low) / (high - low)).reshape(shape)
    equalized = exposure.equalize_adapthist(scaled, kernel_size=kernel, clip_limit=limit)
    return np.asarray(low + (high - low) * equalized.reshape(raw.shape))


CLAHE = Augmentation("clahe", Clahe, change=change)
