"""What training costs, estimated from the shapes of convolutions: for other patches, and other numbers of maps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from auxcpvloss.config.tables import Model
from auxcpvloss.methods.method import Method
from auxcpvloss.network.architectures import architecture_of, geometry
from auxcpvloss.network.architectures.architecture import Convolution
from auxcpvloss.network.architectures.networks import by_network
from auxcpvloss.network.shapes import AxisGeometry, Shape

LANES = 16
"""Channels that a vector unit (AVX512 in float32), or a matrix unit of a GPU in half precision, computes at once."""
SCALES = (0.6, 0.8, 1.25, 1.5, 2)
"""Patches to compare, as multiples of the configured shape."""
MAPS = (8, 12, 16)
"""Numbers of maps to compare: a multiple of 8 suits matrix units."""


@dataclass(frozen=True)
class Choice:
    """A network as it could be, beside the configured one.

    Attributes
    ----------
    shape, output : (Z, Y, X)
    maps : int
        ``model.num_fmaps``.
    voxel, step : float
        Estimated time of an output voxel, and of a step, as multiples of that of the configured network.
    weights : float
        Number of weights, likewise.
    """

    shape: Shape
    output: Shape
    maps: int
    voxel: float
    step: float
    weights: float


def choices(model: Model, method: Method) -> Iterator[Choice]:
    """Compare the configured network with those of patches and maps near it; itself comes first.

    With "same" padding nothing is lost at the border of a patch: an output voxel costs the same in all.
    """
    configured = model.train_input_shape, model.num_fmaps
    shapes = [] if model.padding == "same" else [_near(model, scale) for scale in SCALES]
    others = [(shape, model.num_fmaps) for shape in shapes] + [(model.train_input_shape, maps) for maps in MAPS]
    base = None
    for shape, maps in dict.fromkeys((configured, *others)):
        changed = model.model_copy(update={"num_fmaps": maps})
        if next(architecture_of(model).check(changed), None):
            continue
        made = list(_convolutions(changed, shape, method))
        if not made:
            return
        output = _output(model, shape)
        now = (sum(map(work, made)), math.prod(output), sum(k * ins * outs for _, k, ins, outs in made))
        base = base or now
        step = now[0] / base[0]
        yield Choice(shape, output, maps, step * base[1] / now[1], step, now[2] / base[2])


def work(convolution: Convolution) -> float:
    """Multiplications of a step: forward, and the gradients by weights and input; idle lanes count like busy ones."""
    voxels, kernel, before, after = convolution
    wide_before, wide_after = (math.ceil(maps / LANES) * LANES for maps in (before, after))
    return voxels * kernel * (2 * before * wide_after + after * wide_before)


def _convolutions(model: Model, shape: Shape, method: Method) -> Iterator[Convolution]:
    """List the convolutions of all networks of a method."""
    for heads in by_network(method.heads).values():
        channels = sum(head.channels for head in heads)
        yield from architecture_of(model).convolutions(model, shape, method.input_channels, channels)


def _output(model: Model, shape: Shape) -> Shape:
    z, y, x = (axis.output_size(size) or 0 for axis, size in zip(geometry(model), shape, strict=True))
    return z, y, x


def _near(model: Model, scale: float) -> Shape:
    """Give the shape that the network accepts that is nearest to a multiple of the configured one."""
    sizes = zip(geometry(model), model.train_input_shape, strict=True)
    # An image has one plane.
    z, y, x = (_nearest(axis, scale * size) if size > 1 else 1 for axis, size in sizes)
    return z, y, x


def _nearest(axis: AxisGeometry, size: float) -> int:
    """Give the size nearest to this one that the network accepts."""
    return min(axis.nearest_inputs(math.ceil(size)), key=lambda found: abs(found - size))
