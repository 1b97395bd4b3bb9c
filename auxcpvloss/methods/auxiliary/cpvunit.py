"""The auxiliary task ``cpvunit``: the direction from each voxel of a nucleus to its center."""

from __future__ import annotations

import numpy as np

from auxcpvloss.methods.auxiliary import cpv
from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Part


def target(labels: Labels, part: Part = ALL) -> Array:
    """Vector from each instance voxel to the center of mass of its instance, of length 1; shorter within a voxel of it.

    Parameters and result are those of `cpv.target`.
    """
    vectors = cpv.target(labels, part)
    return vectors / np.maximum(np.sqrt(np.square(vectors).sum(axis=0)), np.float32(1))


CPVUNIT = Auxiliary(
    Head(
        "cpvunit",
        channels=3,
        target=target,
        loss="squared_difference",
        whole_instances=True,
        background=0.01,
        transforms_as="vector",
    ),
)
