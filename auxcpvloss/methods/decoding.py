"""What the methods for segmentation share: basins for the watershed, and the way from these to instances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.methods.method import Labels, Params, Prediction
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


class Seeds(Params):
    """Where seeds come from. An auxiliary task that offers others extends this."""

    def choose_seeds(self, prediction: Prediction, seeds: Mask) -> Mask:
        """Give the seeds to flood from, (Z, Y, X); `seeds` are those of the method itself."""
        return seeds


class WatershedParams(Seeds):
    """Parameters of every method that ends in a watershed, besides its thresholds."""

    flood: Literal["foreground", "volume"] = "foreground"
    num_dilations: int = Field(0, ge=0, le=1000)
    min_size: int = Field(0, ge=0, le=10**9)

    @abstractmethod
    def find_basins(self, prediction: Prediction) -> Basins:
        """Find surface, seeds and foreground."""

    def decode(self, prediction: Prediction) -> Labels:
        """Flood the basins, grow the instances, and drop the small ones: (Z, Y, X) labels, 0 is background."""
        basins = self.find_basins(prediction)
        seeds = self.choose_seeds(prediction, basins.seeds)
        instances = seeded_watershed(basins.surface, seeds, basins.foreground, self.flood)
        return remove_small(dilate(instances, self.num_dilations), self.min_size)


def decode_sets(prediction: Prediction, sets: Iterable[Params]) -> Iterator[tuple[Params, Labels]]:
    """Decode a prediction with several parameter sets, as `decode` with each of them does, to the bit.

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
    for params in sets:
        yield params, params.decode(prediction)
