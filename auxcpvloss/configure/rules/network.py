"""The network: how it pools, how wide it is, and what it is trained on."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from auxcpvloss.configure import recipe
from auxcpvloss.configure.decision import Decision
from auxcpvloss.configure.facts import Facts, axes, lengths
from auxcpvloss.network.bfloat16 import COARSEST
from auxcpvloss.network.shapes import AxisGeometry, Shape

KERNEL, REPETITIONS = 3, 2
"""Width of the convolutions and their number per level: the defaults, which are those of the paper."""

HALVINGS = 30
"""Of an interval, to find a length."""


def network(facts: Facts, device: str) -> Iterator[Decision]:
    """Decide the keys of [model] that are about the network, and the number of patches of a batch."""
    factors = downsampling(facts)
    field = receptive_field(factors)
    yield Decision(
        "model.downsample_factors",
        [axes(level, facts.ndim) for level in factors],
        f"a voxel sees {lengths(field, facts.ndim)} voxels, {_least(field, facts):.2g} median nuclei or more "
        f"({lengths(facts.extent, facts.ndim)} voxels); axes with larger voxels are pooled later",
    )
    growth = recipe.GROWTH if len(factors) <= recipe.FAST_LEVELS else recipe.SLOW_GROWTH
    maps = [recipe.MAPS[facts.ndim] * growth**level for level in range(len(factors) + 1)]
    yield Decision("model.num_fmaps", maps[0], f"feature maps by level: {', '.join(map(str, maps))}")
    yield Decision("model.fmap_inc_factors", [growth] * len(factors), "")
    yield Decision("model.fmap_dec_factors", [growth] * len(factors), "")
    yield Decision("model.padding", recipe.PADDING, "valid padding would leave too little of a small patch")
    shape = patch(facts, factors, device)
    yield Decision(
        "model.train_input_shape",
        axes(shape, facts.ndim),
        f"{math.prod(shape):,} voxels, about as long in space along all axes as the volumes permit; "
        f"{_least(shape, facts):.2g} median nuclei or more",
    )
    number = patches(shape, facts, device)
    yield Decision("training.batch_size", number, f"{number * math.prod(shape):,} voxels in a batch")


def downsampling(facts: Facts) -> list[Shape]:
    """Give the factors by which each level is pooled: enough of them that the receptive field covers a nucleus.

    An axis is pooled by 2 unless its voxels are larger than the smallest ones by more than the square root of 2, so
    that they become as cubic as they can (nnU-Net does this with a factor of 2), or the volumes are too short.
    """
    least, most = recipe.LEVELS[facts.ndim]
    factors: list[Shape] = []
    while len(factors) < most and (len(factors) < least or not _is_seen(facts, factors)):
        total = np.prod(factors, axis=0) if factors else np.ones(3)
        sides = np.multiply(facts.voxel_size, total)
        can = np.greater_equal(facts.shape, 2 * COARSEST * total)
        if facts.ndim == 2:
            can[0] = False
        if not can.any():
            break
        pooled = can & (sides <= math.sqrt(2) * sides[can].min())
        z, y, x = (2 if each else 1 for each in pooled)
        factors.append((z, y, x))
    return factors or [(1, 1, 1)]


def receptive_field(factors: list[Shape]) -> Shape:
    """Voxels that an output voxel depends on, along each axis."""
    z, y, x = (
        AxisGeometry(axis, KERNEL, REPETITIONS, recipe.PADDING == "valid").receptive_field
        for axis in zip(*factors, strict=True)
    )
    return z, y, x


def patch(facts: Facts, factors: list[Shape], device: str) -> Shape:
    """Give the input of the network in training: as many voxels as a batch may have, a cube in space if it fits.

    It is at least `recipe.EXTENTS` median nuclei long, and at most as long as the volumes; multiples of what the
    network needs, and of `recipe.STEP` where that is possible.
    """
    totals = [math.prod(axis) for axis in zip(*factors, strict=True)]
    highest = [max(total, size // total * total) for size, total in zip(facts.shape, totals, strict=True)]
    # An image has one plane, which is no nucleus deep.
    extents = [recipe.EXTENTS * extent if high > 1 else 1 for extent, high in zip(facts.extent, highest, strict=True)]
    wanted = [max(size, COARSEST * total) for size, total in zip(extents, totals, strict=True)]
    lowest = [
        min(high, math.ceil(size / total) * total) for high, size, total in zip(highest, wanted, totals, strict=True)
    ]
    most = recipe.VOXELS[device, facts.ndim] if facts.ndim == 3 else recipe.SIDE[device] ** 2
    sides = np.array(facts.voxel_size)
    short, long = float(sides.min()), float((sides * highest).max())
    for _ in range(HALVINGS):
        middle = math.sqrt(short * long)
        is_small = np.clip(middle / sides, lowest, highest).prod() <= most
        short, long = (middle, long) if is_small else (short, middle)
    z, y, x = map(_nearest, np.clip(short / sides, lowest, highest).tolist(), lowest, highest, totals)
    return z, y, x


def coarsest(facts: Facts, device: str) -> Shape:
    """Give the size of the coarsest level in training."""
    factors = downsampling(facts)
    totals = [math.prod(axis) for axis in zip(*factors, strict=True)]
    z, y, x = (size // total for size, total in zip(patch(facts, factors, device), totals, strict=True))
    return z, y, x


def patches(shape: Shape, facts: Facts, device: str) -> int:
    """Give the number of patches of a batch, such that it has as many voxels as it may have."""
    return max(1, min(recipe.MOST_PATCHES, round(recipe.VOXELS[device, facts.ndim] / math.prod(shape))))


def _least(sizes: Shape, facts: Facts) -> float:
    """Least size in median extents."""
    return min(axes((size / extent for size, extent in zip(sizes, facts.extent, strict=True)), facts.ndim))


def _is_seen(facts: Facts, factors: list[Shape]) -> bool:
    fields, extents = receptive_field(factors or [(1, 1, 1)]), facts.extent
    along = range(3 - facts.ndim, 3)
    return all(fields[axis] >= recipe.FIELD * extents[axis] or fields[axis] >= facts.shape[axis] for axis in along)


def _nearest(size: float, low: int, high: int, total: int) -> int:
    """Give the multiple of `total` in low..high that is nearest to a size; of `recipe.STEP`, too, if there is one."""
    step = math.lcm(total, recipe.STEP)
    fitting = [*range(-(-low // step) * step, high + 1, step)] or [*range(low, high + 1, total)]
    return min(fitting, key=lambda each: (abs(each - size), each))
