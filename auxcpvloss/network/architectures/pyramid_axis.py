"""What a feature pyramid network does to the sizes of its input: pure arithmetic, one axis at a time, no Keras."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from auxcpvloss.network.shapes import AxisGeometry

Interval = tuple[int, int]
"""First and last voxel."""


@dataclass(frozen=True)
class PyramidAxis(AxisGeometry):
    """One spatial axis of a pyramid with "same" padding. `repetitions` counts the convolutions of the encoder alone.

    Attributes
    ----------
    promised : int
        Voxels to either side that tiles are given, for an encoder whose layers are not known here, and which may see
        more; 0: the encoder is that of the residual U-Net, and tiles are given all that it sees.
    """

    promised: int = 0

    def _needs(self, first: int, last: int, level: int) -> Interval:
        """Interval of the input that the interval [first, last] of the output depends on; `level` is 0."""
        if self.promised:
            return first - self.promised, last + self.promised
        seen = list(self._merged(*self._convolved(first, last)))
        return min(first for first, _ in seen), max(last for _, last in seen)

    def _merged(self, first: int, last: int) -> Iterator[Interval]:
        """Follow the levels that are upsampled and added up, each after a convolution."""
        for level in range(len(self.factors) + 1):
            yield from self._top_down(*self._convolved(first, last), level)
            if level < len(self.factors):
                # Upsampled, and smoothed over the voxels that one was copied to.
                factor = self.factors[level]
                first, last = (first - factor // 2) // factor, (last + factor // 2) // factor

    def _top_down(self, first: int, last: int, level: int) -> Iterator[Interval]:
        """Follow the features of a level and of all coarser ones, which are copied to it."""
        for below in range(level, len(self.factors) + 1):
            yield self._encoded(first, last, below)
            if below < len(self.factors):
                first, last = first // self.factors[below], last // self.factors[below]

    def _encoded(self, first: int, last: int, level: int) -> Interval:
        """Follow the features of a level through the encoder to the input."""
        first, last = first - self.reach, last + self.reach
        for factor in reversed(self.factors[:level]):
            first, last = first * factor - self.reach, last * factor + factor - 1 + self.reach
        return first, last

    def _convolved(self, first: int, last: int) -> Interval:
        return first - self.kernel // 2, last + self.kernel // 2
