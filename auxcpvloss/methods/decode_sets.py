"""Instances of a prediction with many parameter sets of a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auxcpvloss.methods.method import Labels, Params, Prediction
from auxcpvloss.methods.watershed_params import WatershedParams, decode_together


def decode_sets(prediction: Prediction, sets: Iterable[Params]) -> Iterator[tuple[Params, Labels]]:
    """Decode a prediction with several parameter sets, as `decode` with each of them does, to the bit.

    What sets share is computed once: what decides on voxels, seeds and foreground of equal thresholds, the watershed of
    these, and the smaller number of dilations on the way to the greater.

    Parameters
    ----------
    prediction : mapping
        {head: (C, Z, Y, X)}, all heads that any of the sets needs.
    sets : iterable of Params
        Of one method.

    Yields
    ------
    params : Params
        Each set once, in any order.
    labels : (Z, Y, X) array of uint32
    """
    flooded: dict[str, list[WatershedParams]] = {}
    for params in dict.fromkeys(sets):
        if isinstance(params, WatershedParams):
            flooded.setdefault(params.flood, []).append(params)
        else:
            yield params, params.decode(prediction)
    for group in flooded.values():
        yield from decode_together(prediction, group)
