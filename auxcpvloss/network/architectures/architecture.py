"""What a network is, whatever its layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from auxcpvloss.config.tables import Model
from auxcpvloss.network.shapes import AxisGeometry, Shape

if TYPE_CHECKING:
    import keras

    from auxcpvloss.methods.method import Head

Convolution = tuple[int, int, int, int]
"""Voxels that it computes, voxels of its kernel, channels of its input and of its output."""

HEADS = "heads"
"""Layer that makes the channels of all heads, one after the other; an architecture may do without."""


def at_level(name: str, level: int) -> str:
    """Name the layer, or the output, of a head at a coarser level of the way up, which training alone has."""
    return f"{name}_level_{level}"


Geometry = tuple[AxisGeometry, AxisGeometry, AxisGeometry]


STATISTICS = 132
"""Voxels along an axis from which group normalization takes its statistics in prediction, at least."""


def fixed_input(model: Model) -> int:
    """Give the size of inputs in prediction where the statistics of group normalization depend on it; 0 elsewhere."""
    return STATISTICS if model.normalization == "group" else 0


def _nothing(*arguments: Any) -> Iterator[Any]:
    return iter(())


@dataclass(frozen=True, eq=False)
class Architecture:
    """A kind of network: what one is like, however many a method has. All but `build` is arithmetic without Keras.

    Attributes
    ----------
    build : callable
        (table [model], heads, shape of the input, dtype policy, input channels, whether it is only to predict) ->
        network from (B, Z, Y, X, channels) to {head: (B, Z', Y', X', C)}. Layers of the same name have the same weights
        whatever the shape, and whether it is to predict; where the heads are fewer the layer `HEADS` has less channels.
        Called by `architectures.build.build`, which makes the layers again, with other names, where there are several.
    geometry : callable
        Table [model] -> what the network does to the sizes of its input, by axis.
    build_deep : callable, optional
        (table [model], heads, shape of the input, dtype policy, input channels) -> network as of `build`, for training,
        that has each head also at the coarser levels of the way up, see `at_level` and `network.deep_supervision`.
    keys : mapping
        Keys that it adds to [model]: {key: (type, default)}, as `pydantic.create_model` takes them.
    check : callable
        Table [model] -> keys that contradict each other: (key, what is wrong). That the network can take
        the input shapes is checked for every architecture.
    width : str
        Key of [model] that says how many feature maps the finest level has.
    convolutions : callable
        (table [model], shape of the input that it accepts, channels of the input and of all heads) -> its convolutions.
    memory_of_prediction : callable
        (table [model] of the network that predicts, shape of its input) -> bytes of what it holds at once, at most.
    unpadded : callable
        Table [model] -> that of a network that makes the same of the same weights, inside of what padding changes, and
        computes less beyond it; the table itself if there is none.
    fixed_input : callable
        Table [model] -> voxels along an axis of the input in prediction, about, where a prediction depends on how the
        image is tiled; 0 where it does not, but for how sums are rounded.
    smaller : callable
        Table [model] -> {key: value} of a tiny network of the same geometry, no value above what it was.
    """

    build: Callable[[Model, Sequence[Head], Shape, str, int, bool], keras.Model]
    geometry: Callable[[Model], Geometry]
    build_deep: Callable[[Model, Sequence[Head], Shape, str, int], keras.Model] | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[Model], Iterator[tuple[str, str]]] = _nothing
    width: str = "num_fmaps"
    convolutions: Callable[[Model, Shape, int, int], Iterator[Convolution]] = _nothing
    memory_of_prediction: Callable[[Model, Shape], int] = lambda model, shape: 1024 * math.prod(shape)
    unpadded: Callable[[Model], Model] = lambda model: model
    fixed_input: Callable[[Model], int] = fixed_input
    smaller: Callable[[Model], Mapping[str, Any]] = lambda model: {}

    def least_memory(self, model: Model, batch_size: int) -> Iterator[tuple[str, int, str]]:
        """Say what must fit into memory at least, of a batch of so many patches: (key and thing, bytes, advice).

        These are the weights, and the feature maps of the finest level; of one channel, and of heads with one.
        """
        made, shape = self.convolutions(model, model.train_input_shape, 1, 1), model.train_input_shape
        weights = sum(kernel * before * after for _, kernel, before, after in made)
        yield "model.num_fmaps: the weights of this network", 4 * weights, "Use fewer feature maps or levels."
        yield (
            "model.train_input_shape: the feature maps of the finest level, of a batch",
            4 * batch_size * math.prod(shape) * getattr(model, self.width),
            f"Use a smaller shape, fewer feature maps (model.{self.width}) or fewer patches (training.batch_size).",
        )
