"""Do the voxels of a volume have the size that a network was trained on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from auxcpvloss.config.units import AXES, Vector
from auxcpvloss.data.grids import SAME

MOST = 0.1
"""A network is taken to work on voxels that are at most this much larger or smaller, relatively."""


def mismatch(size: Vector, trained: Collection[Vector], ndim: int = 3) -> str:
    """Say how much larger or smaller voxels are than those of all training volumes, by more than 10 %; else "".

    Parameters
    ----------
    size : (z, y, x)
    trained : collection of (z, y, x)
        Of the training volumes, as the network sees them; none if that is not known.
    ndim : int
        2: of images, whose planes have no depth, only y and x are compared.
    """
    if not trained:
        return ""
    closest = min(trained, key=lambda each: np.abs(np.log(np.divide(size, each)[-ndim:])).max())
    ratios = dict(zip(AXES[-ndim:], np.divide(size, closest)[-ndim:].tolist(), strict=True))
    if max(max(ratio, 1 / ratio) for ratio in ratios.values()) <= 1 + MOST:
        return ""
    if max(ratios.values()) <= (1 + SAME) * min(ratios.values()):
        ratio = next(iter(ratios.values()))
        much = f"{ratio:.3g} times as large"
        # Files name no unit that is common to all of them.
        decades = np.log10(ratio) / 3
        if round(decades) and abs(decades - round(decades)) < np.log10(1 + MOST) / 3:
            much += ", as numbers of another unit (nm, µm, mm) would be"
    else:
        much = f"{', '.join(f'{ratio:.3g} ({axis})' for axis, ratio in ratios.items())} times as large"
    return f"its voxels are {sides(size)}, those of the training volumes {sides(closest)} (z y x): {much}"


def overruled(recorded: Vector, given: Vector, ndim: int = 3) -> str:
    """Say that a file records voxels of other proportions than are given for it, by more than 10 %; else "".

    The size alone may differ, as numbers of another unit do; ndim is as for `mismatch`.
    """
    ratios = np.divide(given, recorded)[-ndim:]
    if ratios.max() <= (1 + MOST) * ratios.min():
        return ""
    return f"the file records voxels of {sides(recorded)} (z y x); taken for {sides(given)}, as data.voxel_size says"


def sides(size: Iterable[float]) -> str:
    """Write the size of a voxel."""
    return " x ".join(f"{side:g}" for side in size)
