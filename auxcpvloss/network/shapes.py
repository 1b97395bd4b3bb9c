"""What a U-Net does to shapes: pure arithmetic, one axis at a time, no Keras."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class AxisGeometry:
    """One spatial axis of a U-Net.

    Attributes
    ----------
    factors : tuple of int
        Downsampling factor between each level and the next one.
    kernel : int
        Width of the convolution kernels, odd.
    repetitions : int
        Convolutions per level and direction.
    valid : bool
        Whether the convolutions are unpadded; "same" otherwise.
    """

    factors: tuple[int, ...]
    kernel: int
    repetitions: int
    valid: bool

    @property
    def reach(self) -> int:
        """Voxels to either side that the convolutions of one level and direction see."""
        return self.repetitions * (self.kernel // 2)

    @property
    def total_factor(self) -> int:
        """Period, in voxels, with which the network commutes with shifts of its input."""
        return math.prod(self.factors)

    def output_size(self, size: int) -> int | None:
        """Size of the output for an input of `size` voxels; None where the network cannot take it."""
        shrink = 2 * self.reach if self.valid else 0
        for factor in self.factors:
            size -= shrink
            if size <= 0 or size % factor:
                return None
            size //= factor
        size -= shrink
        for factor in reversed(self.factors):
            if size <= 0:
                return None
            size = size * factor - shrink
        return size if size > 0 else None

    @property
    def context(self) -> int:
        """Voxels that an output voxel sees to one side, at most over all positions of the voxel."""
        phases = range(self.total_factor)
        needs = [(phase, *self._needs(phase, phase, level=0)) for phase in phases]
        return max(max(phase - first, last - phase) for phase, first, last in needs)

    @property
    def receptive_field(self) -> int:
        """Width, in voxels, of the input that one output voxel depends on, at most over all positions."""
        needs = [self._needs(phase, phase, level=0) for phase in range(self.total_factor)]
        return max(last - first + 1 for first, last in needs)

    def _needs(self, first: int, last: int, level: int) -> tuple[int, int]:
        """Interval of a level's input that the interval [first, last] of its output depends on."""
        first, last = first - self.reach, last + self.reach
        if level == len(self.factors):
            return first, last
        factor = self.factors[level]
        below = self._needs(first // factor, last // factor, level + 1)
        first, last = min(first, below[0] * factor), max(last, below[1] * factor + factor - 1)
        return first - self.reach, last + self.reach

    def nearest_inputs(self, size: int) -> list[int]:
        """Sizes next to `size`, one below and one above where there are such, that the network can take."""
        period = self.total_factor
        smallest = 2 * (self.context + period)
        below = (s for s in range(size, 0, -1) if self.output_size(s))
        above = (s for s in range(size + 1, max(size, smallest) + 2 * period + 1) if self.output_size(s))
        return [s for s in (next(below, None), next(above, None)) if s]


def feature_maps(first: int, growth: Sequence[int], shrinkage: Sequence[int]) -> tuple[list[int], list[int]]:
    """Feature maps of every level on the way down, the bottom being the last, and on the way up."""
    down = [first]
    for factor in growth:
        down.append(down[-1] * factor)
    up, below = [], down[-1]
    for factor in reversed(shrinkage):
        below = max(1, below // factor)
        up.append(below)
    return down, up[::-1]


def geometry(
    factors: Sequence[Sequence[int]], kernel_size: Sequence[int], repetitions: int, padding: str
) -> tuple[AxisGeometry, AxisGeometry, AxisGeometry]:
    """Geometry of the three axes from the keys of the table [model]."""
    z, y, x = (
        AxisGeometry(tuple(level[axis] for level in factors), kernel_size[axis], repetitions, padding == "valid")
        for axis in range(3)
    )
    return z, y, x
