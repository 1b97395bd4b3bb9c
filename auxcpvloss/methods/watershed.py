"""What the methods for segmentation share: basins for the watershed, and from these to instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.methods.method import Array, Head, Labels, Method, Params, Prediction
from auxcpvloss.segmentation.arrays import Mask
from auxcpvloss.segmentation.dilation import dilate
from auxcpvloss.segmentation.watershed import remove_small, seeded_watershed


@dataclass(frozen=True, eq=False)
class Basins:
    """What is flooded, from where, and how far.

    Attributes
    ----------
    surface : (Z, Y, X) array of float
        Flooded from low to high.
    seeds, foreground : (Z, Y, X) arrays of bool
    """

    surface: NDArray[Any]
    seeds: Mask
    foreground: Mask


FindBasins = Callable[[Prediction, Any], Basins]


class WatershedParams(Params):
    """Parameters of every method that ends in a watershed, besides its thresholds."""

    flood: Literal["foreground", "volume"] = "foreground"
    num_dilations: int = Field(0, ge=0, le=1000)
    min_size: int = Field(0, ge=0, le=10**9)


def flood(find_basins: FindBasins, prediction: Prediction, params: Any) -> Labels:
    """Flood the basins of a prediction, grow the instances, and drop the small ones.

    Parameters
    ----------
    find_basins : callable
        (prediction, params) -> Basins.
    prediction : mapping of head name to (C, Z, Y, X) array
    params : WatershedParams

    Returns
    -------
    (Z, Y, X) array of uint32
        0 is background.
    """
    basins = find_basins(prediction, params)
    instances = seeded_watershed(basins.surface, basins.seeds, basins.foreground, params.flood)
    return remove_small(dilate(instances, params.num_dilations), params.min_size)


def segmentation(
    name: str,
    heads: tuple[Head, ...],
    find_basins: FindBasins,
    confidence: Callable[[Prediction, Labels], Array],
    params: type[WatershedParams],
) -> Method:
    """Give the method that floods these basins."""
    return Method(
        name=name,
        heads=heads,
        decode=partial(flood, find_basins),
        confidence=confidence,
        params=params,
        find_basins=find_basins,
    )
