"""Losses at the coarser levels of a network, in training: which voxels of an output there belong to which target."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from auxcpvloss.config.tables import Model
from auxcpvloss.network.architectures import architecture_of, geometry
from auxcpvloss.network.architectures.architecture import at_level
from auxcpvloss.network.shapes import AxisGeometry, Shape

Box = tuple[slice, ...]


@dataclass(frozen=True)
class Level:
    """A level on the way up, below the one that the network's output has the resolution of.

    Attributes
    ----------
    number : int
        1 for the finest of them.
    outputs : Box
        Part, (Z, Y, X), of an output of this level that lies within the targets.
    targets : Box
        The voxel of the targets in the middle of each voxel of that part: upper middle, where the factor is even.
    """

    number: int
    outputs: Box
    targets: Box

    @property
    def weight(self) -> float:
        """By what the losses of this level are multiplied: half as much as those of the level above."""
        return 0.5**self.number

    def name(self, head: str) -> str:
        """Name of an output of the network: of a head at this level."""
        return at_level(head, self.number)

    def of_output(self, output: Any) -> Any:
        """Cut out, of (B, Z, Y, X, C) at this level, what lies within the targets."""
        return output[(slice(None), *self.outputs)]

    def of_target(self, target: Any) -> Any:
        """Take the voxels of (B, Z, Y, X, C) that the voxels of `of_output` are to learn; values stay what they are."""
        return target[(slice(None), *self.targets)]


def coarse_levels(model: Model) -> list[Level]:
    """Give the levels that deep supervision adds losses of, in training with ``model.train_input_shape``."""
    return [level for level in _levels(model, model.train_input_shape) if all(map(_length, level.outputs))]


def problem(model: Model) -> str:
    """Say why a network cannot be supervised at coarser levels; "" if it can."""
    if architecture_of(model).build_deep is None:
        return f"the architecture {model.architecture} has no outputs at coarser levels"
    if len(model.downsample_factors) < 2:
        return "needs a network of at least two entries in model.downsample_factors"
    wanted, found = len(model.downsample_factors) - 1, len(coarse_levels(model))
    if found < wanted:
        return (
            f"only {found} of {wanted} coarser levels have an output within the patch; use a larger train_input_shape"
        )
    return ""


def _levels(model: Model, shape: Shape) -> Iterator[Level]:
    axes = geometry(model)
    for number in range(1, len(axes[0].factors)):
        boxes = [_boxes(axis, size, number) for axis, size in zip(axes, shape, strict=True)]
        outputs, targets = zip(*boxes, strict=True)
        yield Level(number, outputs, targets)


def _boxes(axis: AxisGeometry, size: int, level: int) -> tuple[slice, slice]:
    """Give the voxels of an output at a level, and of the target, along an axis."""
    factor = math.prod(axis.factors[:level])
    # What the convolutions above the level lose at a border, in voxels of the target.
    lost = sum(axis.reach * math.prod(axis.factors[:above]) for above in range(level)) if axis.valid else 0
    first = max(0, math.ceil((lost - factor // 2) / factor))
    begin = first * factor + factor // 2 - lost
    count = len(range(begin, axis.output_size(size) or 0, factor))
    return slice(first, first + count), slice(begin, begin + count * factor, factor)


def _length(box: slice) -> int:
    return int(box.stop - box.start)
