"""Worms that look like the C. elegans L1 data set, made from a seed.

The numbers follow the statistics of that data set (Long et al. 2022, Zenodo record 5942575). Lengths are in voxels,
vectors are (z, y, x). Where the nuclei would not fit at the size of L1 they shrink, and blur and haze with them: the
same worm in larger voxels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.synthetic.anatomy import FULL_RADIUS, annotated, make_body, make_nuclei, mean_radius
from auxcpvloss.data.synthetic.difficulty import Difficulty
from auxcpvloss.data.synthetic.microscope import paint, photograph
from auxcpvloss.system.errors import InputError

MAX_NUCLEI = 60_000  # labels are uint16
DEFAULT = Difficulty()


def make_worm(
    shape: tuple[int, int, int], seed: int, nuclei: int, difficulty: Difficulty = DEFAULT
) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Make the image of a worm and the labels of its nuclei.

    Parameters
    ----------
    shape : tuple of int
        In z, y, x; x is the long axis of the worm.
    seed : int
        Not negative; equal arguments give equal bits.
    nuclei : int
        Number of labelled nuclei.
    difficulty : Difficulty
        The places of the nuclei depend on its spacing alone, the image not on its annotation error.

    Returns
    -------
    raw : (Z, Y, X) array of uint8
    labels : (Z, Y, X) array of uint16
        0 is background; each of 1..nuclei is one 6-connected piece, of at least 20 voxels unless `difficulty` lets
        nuclei overlap or annotators err. For every hundred nuclei the image has one more, a dim one without label, as
        in the real data.

    Raises
    ------
    InputError
        A size or number is not positive, or the nuclei do not fit into the shape.
    """
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"shape: {shape} not a valid shape (z, y, x); expected three positive numbers")
    if not 1 <= nuclei <= MAX_NUCLEI:
        raise InputError(f"nuclei: {nuclei} is out of range; expected 1 to {MAX_NUCLEI}")
    if seed < 0:
        raise InputError(f"seed: {seed} is negative; expected 0 or more")
    for_body, for_nuclei, for_paint, for_camera, for_annotator = np.random.default_rng(seed).spawn(5)
    body = make_body(for_body, shape)
    radius = mean_radius(shape, body, nuclei)
    scale = radius / FULL_RADIUS
    there = make_nuclei(for_nuclei, body, nuclei, radius, difficulty)
    believed = annotated(for_annotator, there, difficulty.annotation_error)
    light, labels = paint(for_paint, shape, there, believed, scale)
    labels[labels > nuclei] = 0
    return photograph(for_camera, light, body, scale, difficulty), labels


def dataset(train: int, val: int, test: int, seed: int, called: str = "worm") -> dict[str, dict[str, int]]:
    """Name the volumes of a data set and derive their seeds: split -> {name: seed}, unique over the splits.

    They are `called` worm_00, worm_01 and so on.

    Raises
    ------
    InputError
        A number of volumes, or the seed of the data set, is negative.
    """
    counts = {"train": train, "val": val, "test": test}
    for name, value in (counts | {"seed": seed}).items():
        if value < 0:
            raise InputError(f"{name}: {value} is negative; expected 0 or more")
    # The low 16 bits number the volume, the rest the data set: no two data sets share a volume.
    volumes = iter([(f"{called}_{i:02d}", (seed << 16) + i) for i in range(train + val + test)])
    return {split: dict(next(volumes) for _ in range(count)) for split, count in counts.items()}
