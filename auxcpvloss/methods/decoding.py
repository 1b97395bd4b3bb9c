"""What the methods for segmentation share: from basins for the watershed to instances, with one or many parameters."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Hashable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.methods.method import Array, Labels, Params, Prediction
from auxcpvloss.segmentation.arrays import Mask

if TYPE_CHECKING:
    from auxcpvloss.segmentation.markers import Markers
    from auxcpvloss.segmentation.runs import Runs


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


class Seeds(Params):
    """Where seeds come from. An auxiliary task that offers others extends this."""

    own_seeds: ClassVar[frozenset[str]] = frozenset()
    """Names of the parameters that only the seeds of the method itself depend on."""

    def prepare(self, prediction: Prediction, whole: Prediction) -> Prediction:
        """Give what `choose_seeds` looks at: with what it needs of the whole volume, as one more head of (C, Z, Y, X).

        Parameters
        ----------
        prediction : mapping
            What other parameters have left of the whole, and added to it.
        whole : mapping
            {head: (C, Z, Y, X)}
        """
        return prediction

    def choose_seeds(self, prediction: Prediction, seeds: Mask) -> Mask:
        """Give the seeds to flood from, (N,), at voxels of a prediction, (C, N); `seeds` are the method's own."""
        return seeds

    def shape_seeds(self, seeds: Runs, foreground: Runs, surface: NDArray[np.float32]) -> Runs:
        """Give seeds another shape, by their neighbourhood, before markers are made of them.

        Parameters
        ----------
        seeds, foreground : Runs
        surface : (Z, Y, X) array of float32
            Flooded from low to high; of no meaning where there is no foreground.
        """
        return seeds

    def place_markers(
        self, prediction: Prediction, seeds: Runs, foreground: Runs, shared: dict[Any, Any]
    ) -> Markers | None:
        """Give what to flood from in place of the connected components of the seeds; None: these.

        Parameters
        ----------
        prediction : mapping
            {head: (C, Z, Y, X)}, the whole.
        seeds, foreground : Runs
        shared : dict
            Keeps what other parameters need of the same foreground.
        """
        return None


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
        return next(decode_sets(prediction, [self]))[1]


def least_logit(threshold: float) -> float:
    """Give a logit below which no probability, computed in float32 in one way or another, is above a threshold."""
    surely = threshold - 1e-5
    return math.log(surely / (1 - surely)) - 1e-4 if surely > 0 else -math.inf


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
        yield from _decode_together(prediction, group)


def _decode_together(prediction: Prediction, sets: list[WatershedParams]) -> Iterator[tuple[Params, Labels]]:
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
    for places, voxels in _voxels(prediction, min(sets, key=lambda params: params.strictness)):
        basins = sets[0].find_basins(voxels)
        surface.reshape(-1)[places] = basins.surface
        for key, params in foreground.items():
            parts[key].append(find_runs(places[params.is_foreground(basins)], shape))
        for by, params in seeds.items():
            parts[by].append(find_runs(places[params.choose_seeds(voxels, params.is_seed(basins))], shape))
    return surface, {key: joined(found) for key, found in parts.items()}


CACHED = 2**16
"""Voxels looked at together: so many that they stay in the processor's cache."""


def _voxels(prediction: Prediction, loosest: WatershedParams) -> Iterator[tuple[NDArray[np.int64], Prediction]]:
    """Give the flat indices of voxels, whole rows after another, and the prediction there, {head: (C, N) array}.

    Of the set with the most foreground, all that may be foreground; or, where water runs everywhere, all.
    """
    depth, height, width = next(iter(prediction.values())).shape[1:]
    rows = max(1, CACHED // width)
    places: list[NDArray[np.int64]] = []
    kept: list[dict[str, Array]] = []
    held = 0
    for z in range(depth):
        for y in range(0, height, rows):
            slab = {head: _as_float32(each[:, z, y : y + rows]) for head, each in prediction.items()}
            if loosest.flood == "volume":
                found = np.arange(min(rows, height - y) * width)
            else:
                found = np.flatnonzero(loosest.may_be_foreground(slab))
                slab = {head: each[:, found] for head, each in slab.items()}
            if len(found):
                places.append(found + (z * height + y) * width)
                kept.append(slab)
                held += len(found)
            if places and (held > CACHED or (z, y + rows) >= (depth - 1, height)):
                yield np.concatenate(places), {head: np.hstack([each[head] for each in kept]) for head in slab}
                places, kept, held = [], [], 0


def _as_float32(values: Array) -> Array:
    flat = values.reshape(len(values), -1)
    # Counts, such as of votes, stay exact.
    return flat.astype(np.float32, copy=False) if np.issubdtype(flat.dtype, np.floating) else flat
