"""Volumes of nuclei of no organism in particular, made from a seed: broadly different, for networks that serve widely.

Voxels are cubes, and the median nucleus is `tissue.DIAMETER` voxels wide, or larger or smaller by `tissue.SPREAD`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.synthetic.microscope import one_piece_each
from auxcpvloss.data.synthetic.optics import paint, photograph
from auxcpvloss.data.synthetic.tissue import grow
from auxcpvloss.system.errors import InputError

SMALLEST = 20
"""Voxels of a label; the rest of a nucleus that is cut by the border may be less, and has none."""
LEAST_SIDE = 16
"""Of a volume, along each axis."""
HEIGHT = (1.0, 1.6)
"""Range of how much longer nuclei look along z than they are, in one of two volumes."""


def make_nuclei(shape: tuple[int, int, int], seed: int, most: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Make an image of nuclei and their labels.

    Parameters
    ----------
    shape : tuple of int
        In z, y, x.
    seed : int
        Not negative; equal arguments give equal bits. Arrangement, density, sizes, shapes, textures, brightness,
        blur, haze, sampling and noise are drawn from it.
    most : int
        Largest number of nuclei.

    Returns
    -------
    raw : (Z, Y, X) array of uint16
    labels : (Z, Y, X) array of uint16
        0 is background; each of 1, 2, ... is one 6-connected piece of at least `SMALLEST` voxels.

    Raises
    ------
    InputError
        A size or number is not positive, or too small.
    """
    if len(shape) != 3 or min(shape) < LEAST_SIDE:
        raise InputError(f"shape: {shape}; expected three numbers (z, y, x) of at least {LEAST_SIDE}")
    if most < 1:
        raise InputError(f"nuclei: {most} is out of range; expected 1 or more")
    if seed < 0:
        raise InputError(f"seed: {seed} is negative; expected 0 or more")
    # Where nothing was found to label, as of a few nuclei that all lie outside, another volume is drawn.
    for draw in np.random.default_rng(seed).spawn(20):
        raw, labels = _draw(draw, shape, most)
        if labels.any():
            break
    return raw, labels


def _draw(
    rng: np.random.Generator, shape: tuple[int, int, int], most: int
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    for_cells, for_paint, for_picture = rng.spawn(3)
    height = max(1.0, rng.uniform(2 * HEIGHT[0] - HEIGHT[1], HEIGHT[1]))
    cells = grow(for_cells, np.array(shape) / [height, 1, 1], most)
    light, labels = paint(for_paint, shape, cells, height)
    labels = one_piece_each(labels)
    raw, is_visible = photograph(for_picture, light, labels)
    sizes = np.bincount(labels.reshape(-1), minlength=len(is_visible))
    is_kept = is_visible & (sizes >= SMALLEST)
    is_kept[0] = False
    numbers = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.uint16)
    return raw, numbers[labels]
