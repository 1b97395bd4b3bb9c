"""What a network is, whatever its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auxcpvloss.config.tables import Model
from auxcpvloss.network.shapes import AxisGeometry, Shape

if TYPE_CHECKING:
    import keras

    from auxcpvloss.methods.method import Head

Geometry = tuple[AxisGeometry, AxisGeometry, AxisGeometry]


@dataclass(frozen=True)
class Architecture:
    """A kind of network; everything but `build` is arithmetic that needs no Keras.

    Attributes
    ----------
    build : callable
        (table [model], heads, (Z, Y, X) shape of the input, dtype policy) -> network with one output per head.
    geometry : callable
        What the network does to the sizes of its input, by axis.
    feature_maps : callable
        Feature maps of every level on the way down, the bottom being the last, and on the way up.
    check : callable
        Finds keys of [model] that contradict each other: (key, what is wrong).
    """

    build: Callable[[Model, Sequence[Head], Shape, str], keras.Model]
    geometry: Callable[[Model], Geometry]
    feature_maps: Callable[[Model], tuple[list[int], list[int]]]
    check: Callable[[Model], Iterator[tuple[str, str]]]
