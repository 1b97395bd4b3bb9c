"""Parameters of the methods that end in a watershed, and the way from a prediction to instances with them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Hashable, Iterator
from itertools import groupby
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.methods.method import Array, Labels, Prediction
from auxcpvloss.methods.seeds import Seeds
from auxcpvloss.methods.voxel_groups import voxels_of
from auxcpvloss.segmentation.arrays import Mask


class Basins(NamedTuple):
    """What decides on voxels.

    Attributes
    ----------
    surface : (N,) array of float32
        Flooded from low to high.
    inside : (N,) or (C, N) array
        What seeds are found by.
    foreground : (N,) array
        What the foreground is found by.
    """

    surface: NDArray[np.float32]
    inside: Array
    foreground: Array


class WatershedParams(Seeds):
    """Parameters of every method that ends in a watershed, besides its thresholds."""

    flood: Literal["foreground", "volume"] = "foreground"
    num_dilations: int = Field(0, ge=0, le=1000)
    min_size: int = Field(0, ge=0, le=10**9)

    own_seeds = frozenset({"seed_thresh"})

    @classmethod
    @abstractmethod
    def find_basins(cls, prediction: Prediction) -> Basins:
        """Give what decides on voxels of a prediction, {head: (C, N) array}."""

    @abstractmethod
    def is_seed(self, basins: Basins) -> Mask:
        """Tell which voxels are seeds, as far as the method itself says: (N,)."""

    @abstractmethod
    def is_foreground(self, basins: Basins) -> Mask:
        """Tell which voxels are foreground: (N,)."""

    @abstractmethod
    def may_be_foreground(self, prediction: Prediction) -> Mask:
        """Tell quickly which voxels of a prediction, {head: (C, N) array}, cannot be foreground: (N,), False there."""

    @property
    @abstractmethod
    def strictness(self) -> float:
        """Of two parameter sets the one of which this is greater has no more foreground than the other."""

    @property
    def seeds_by(self) -> Hashable:
        """What the seeds depend on."""
        others = {"fg_thresh", *WatershedParams.model_fields}
        return tuple(sorted((key, value) for key, value in self.with_effect().items() if key not in others))

    @property
    def sizes(self) -> tuple[int, int]:
        """Sizes, in voxels, of the smallest and of the largest instances that are kept; 0: there is no such limit."""
        return self.min_size, 0

    def decode(self, prediction: Prediction) -> Labels:
        """Flood the basins, grow the instances, and drop those of other sizes: (Z, Y, X) labels, 0 is background."""
        return next(decode_together(prediction, [self]))[1]


def least_logit(threshold: float) -> float:
    """Give a logit below which no probability, computed in float32 in one way or another, is above a threshold."""
    surely = threshold - 1e-5
    return math.log(surely / (1 - surely)) - 1e-4 if surely > 0 else -math.inf


def decode_together(prediction: Prediction, sets: list[WatershedParams]) -> Iterator[tuple[WatershedParams, Labels]]:
    """Decode with parameter sets that flood alike."""
    from auxcpvloss.segmentation.dilation import dilate
    from auxcpvloss.segmentation.watershed import keep_sizes, seeded_watershed

    whole = prediction
    for params in sets:
        prediction = params.prepare(prediction, whole)
    surface, runs = _find_runs(prediction, sets)
    shared: dict[Any, dict[Any, Any]] = {}

    def basins(params: WatershedParams) -> tuple[Any, Any]:
        return params.strictness, params.seeds_by

    def in_order(params: WatershedParams) -> Any:
        return *map(repr, basins(params)), params.num_dilations

    for (strictness, seeds_by), group in groupby(sorted(sets, key=in_order), basins):
        alike, foreground, seeds = list(group), runs[strictness], runs[seeds_by]
        # Sets come by foreground: what was kept of the last one is of no more use.
        shared = {strictness: shared.get(strictness, {})}
        seeds = alike[0].shape_seeds(seeds, foreground, surface)
        markers = alike[0].place_markers(whole, seeds, foreground, shared[strictness])
        seeds, numbers = markers or (seeds, None)
        labels = seeded_watershed(surface, seeds, foreground, alike[0].flood, numbers)
        grown, edge = 0, foreground.voxels
        for params in alike:
            edge = dilate(labels, params.num_dilations - grown, edge)
            grown = params.num_dilations
            yield params, keep_sizes(labels if params is alike[-1] else labels.copy(), *params.sizes)
        del labels


def _find_runs(prediction: Prediction, sets: list[WatershedParams]) -> tuple[NDArray[np.float32], dict[Any, Any]]:
    """Give the surface, where it is needed, and the `Runs` of the foreground and of the seeds, by what sets them."""
    from auxcpvloss.segmentation.runs import find_runs, joined

    shape = next(iter(prediction.values())).shape[1:]
    surface = np.empty(shape, np.float32)
    foreground = {params.strictness: params for params in sets}
    seeds = {params.seeds_by: params for params in sets}
    parts: dict[Any, list[Any]] = {key: [find_runs(np.empty(0, np.int64), shape)] for key in (*foreground, *seeds)}
    loosest = min(sets, key=lambda params: params.strictness)
    # Water may run everywhere; else all that may be foreground of the set that has the most.
    wanted = None if loosest.flood == "volume" else loosest.may_be_foreground
    for places, voxels in voxels_of(prediction, wanted):
        basins = sets[0].find_basins(voxels)
        surface.reshape(-1)[places] = basins.surface
        for key, params in foreground.items():
            parts[key].append(find_runs(places[params.is_foreground(basins)], shape))
        for by, params in seeds.items():
            parts[by].append(find_runs(places[params.choose_seeds(voxels, params.is_seed(basins))], shape))
    return surface, {key: joined(found) for key, found in parts.items()}
