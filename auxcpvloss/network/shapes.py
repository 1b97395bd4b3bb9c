"""What a network does to the sizes of its input: pure arithmetic, one axis at a time, no Keras."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

Shape = tuple[int, int, int]
"""(Z, Y, X)."""


@dataclass(frozen=True)
class AxisGeometry:
    """One spatial axis of a network that goes down a number of levels, and up again.

    Attributes
    ----------
    factors : tuple of int
        Downsampling factor between each level and the next one; empty for a network without pooling.
    kernel : int
        Width of the convolution kernels, odd.
    repetitions : int
        Convolutions per level and direction.
    valid : bool
        Whether the convolutions are unpadded; "same" otherwise.
    aligned : bool
        Whether an unpadded network has to pool the windows of one with "same" padding, which begin at the first voxel
        of the volume.
    before : int
        Voxels of the output that have to come before a tile, since what is made of the tile depends on them.
    """

    factors: tuple[int, ...]
    kernel: int
    repetitions: int
    valid: bool
    aligned: bool = False
    before: int = 0

    @cached_property
    def reach(self) -> int:
        """Voxels to either side that the convolutions of one level and direction see."""
        return self.repetitions * (self.kernel // 2)

    @property
    def total_factor(self) -> int:
        """Period, in voxels, with which the network commutes with shifts of its input."""
        return math.prod(self.factors)

    def output_size(self, size: int) -> int | None:
        """Size of the output for an input of `size` voxels; None if the network cannot take it."""
        steps = self.steps(size)
        return steps[-1] if steps else None

    def steps(self, size: int) -> list[int]:
        """Sizes before and after the convolutions of each level, down and up again; none if it cannot take the input.

        On the way up, what is before the convolutions has the size of that to which the level below was resized.
        """
        shrink, steps = 2 * self.reach if self.valid else 0, []
        for factor in (*self.factors, 1):
            after = size - shrink
            if after <= 0 or after % factor:
                return []
            steps += [size, after]
            size = after // factor
        for factor in reversed(self.factors):
            before = steps[-1] * factor
            if before <= shrink:
                return []
            steps += [before, before - shrink]
        return steps

    def begins_window(self, position: int) -> bool:
        """Whether all levels pool whole windows of the volume if the input begins at this position in it."""
        for factor in self.factors:
            position += self.reach if self.valid else 0
            if position % factor:
                return False
            position //= factor
        return True

    @property
    def context(self) -> int:
        """Voxels that an output voxel sees to one side: the most over all its positions."""
        return max(max(phase - first, last - phase) for phase, (first, last) in enumerate(self._seen()))

    @property
    def receptive_field(self) -> int:
        """Width, in voxels, of the input that an output voxel depends on: the most over all its positions."""
        return max(last - first + 1 for first, last in self._seen())

    def _seen(self) -> list[tuple[int, int]]:
        """First and last voxel of the input that the output voxel at each position of a period depends on."""
        return [self._needs(phase, phase, level=0) for phase in range(self.total_factor)]

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
        """Sizes that the network can take: the largest up to `size` and the smallest above it."""
        period = self.total_factor
        smallest = 2 * (self.context + period)
        below = (s for s in range(size, 0, -1) if self.output_size(s))
        above = (s for s in range(size + 1, max(size, smallest) + 2 * period + 1) if self.output_size(s))
        return [s for s in (next(below, None), next(above, None)) if s]
