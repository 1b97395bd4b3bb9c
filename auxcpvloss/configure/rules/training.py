"""The method, the training and how its results are chosen."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from auxcpvloss.configure import recipe
from auxcpvloss.configure.decision import Decision
from auxcpvloss.configure.facts import Facts, axes
from auxcpvloss.network.bfloat16 import COARSEST
from auxcpvloss.network.shapes import Shape


def method(facts: Facts) -> Iterator[Decision]:
    """Decide the method and what makes a checkpoint the best."""
    if facts.are_points:
        yield Decision("model.method", recipe.DETECTION, "the ground truth is center points")
        radius = facts.extent[2] / 2
        yield Decision(
            "evaluation.distance_limit",
            float(f"{max(1.0, radius):.2g}"),
            "about the radius of a nucleus, guessed from the distances between points; correct it if you know better",
        )
    else:
        yield Decision("model.method", recipe.SEGMENTATION, "finds instances best for its time")
        if (weight := vector_weight(facts)) < 1:
            yield Decision(
                "model.loss_cpv_coeff",
                weight,
                "vectors are in voxels: those of large nuclei are long, and would have all of the gradient",
            )
        yield Decision(
            "evaluation.metric",
            recipe.METRIC,
            "makes a checkpoint the best: mean AP over all IoU thresholds",
        )


def vector_weight(facts: Facts) -> float:
    """Give the weight of vectors in the loss, by the square of the length of those in a median nucleus; two digits."""
    square = np.mean(np.square(axes(facts.extent, facts.ndim)))
    return float(f"{min(1.0, recipe.VECTORS**2 / square):.2g}")


def schedule(iterations: int, why: str) -> Iterator[Decision]:
    """Decide how long the network is trained, and the keys that are the same for all data."""
    yield Decision("training.max_iterations", iterations, why)
    every = math.ceil(iterations / recipe.CHECKPOINTS)
    yield Decision(
        "training.checkpoints",
        every,
        f"{math.ceil(iterations / every)} checkpoints, of which validation selects the best",
    )
    yield Decision("training.snapshots", every, "")
    for key, (value, reason) in recipe.KEYS.items():
        yield Decision(key, value, reason)
    momentum = 1 - float(f"{1 / max(1.0, recipe.AVERAGED * iterations):.2g}")
    yield Decision("optimizer.average", round(momentum, 9), "averages the weights over a quarter of the training")


def precision(has_bfloat16: bool, facts: Facts, coarsest: Shape) -> Iterator[Decision]:
    """Decide the arithmetic of the network, whose coarsest level has so many voxels along each axis."""
    if has_bfloat16 and min(axes(coarsest, facts.ndim)) >= COARSEST:
        yield Decision(
            "training.precision", "mixed_bfloat16", "this machine has instructions for it; elsewhere, use float32"
        )


def deformation(facts: Facts) -> Iterator[Decision]:
    """Decide the elastic deformation: control points one nucleus apart, in space; none across the plane of an image."""
    widths = [extent * side for extent, side in zip(facts.extent, facts.voxel_size, strict=True)]
    diameter = math.prod(axes(widths, facts.ndim)) ** (1 / facts.ndim)
    spacing = [min(1000.0, max(1.0, diameter / side)) for side in axes(facts.voxel_size, facts.ndim)]
    table = "training.augmentation.elastic"
    yield Decision(
        f"{table}.control_point_spacing",
        [float(f"{size:.2g}") for size in spacing],
        "as far apart, in space, as a median nucleus is wide; they are displaced by a tenth of that",
    )
    yield Decision(f"{table}.jitter_sigma", [float(f"{recipe.STRAIN * size:.2g}") for size in spacing], "")
