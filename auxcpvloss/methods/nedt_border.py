"""The two maps of FPN2-WS (HiTIF): normalized distances, which seeds are found by, and borders, which are flooded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.methods.distances import distances_within
from auxcpvloss.methods.instance_geometry import (
    BOUNDARY,
    classes,
    for_kernels,
    is_thin,
    known,
    over_greatest,
    with_margin,
)
from auxcpvloss.methods.method import ALL, KNOWN, OUTSIDE, Array, Head, Labels, Method, Part, Prediction
from auxcpvloss.methods.watershed_params import Basins, WatershedParams
from auxcpvloss.segmentation.arrays import Mask
from auxcpvloss.segmentation.measure import mean_within
from auxcpvloss.system.lazy import lazily

if TYPE_CHECKING:
    from auxcpvloss.segmentation.runs import Runs

ndimage = lazily("scipy.ndimage")

SIGMA = 1.0
"""Standard deviation, in voxels, of the Gaussian filter of borders."""
REACH = 4
"""Distance along each axis, in voxels, at which the filter ends: four standard deviations, as in scipy."""


def depths(labels: Labels, part: Part = ALL) -> Array:
    """Euclidean distance, in voxels, to the nearest voxel that is not of the nucleus, over its maximum in the nucleus.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        `OUTSIDE` beyond the volume. All of each instance of interest has to be in it, and one voxel more: of other
        voxels those count that are `known`, in the box around the instance or one voxel beyond it.
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of float32
        In 0..1: 1 in the middle of an instance, 0 in the background and beyond the volume. `UNKNOWN` where the nucleus
        may end nearer, or be less deep, since it touches what is not annotated; the end of the volume is no surface.
    """
    # Importing numba takes half a second.
    from auxcpvloss.methods import kernels, shape_kernels

    given, found = for_kernels(labels), np.zeros(labels.shape, np.float32)
    (ids, _), (within, _) = kernels.add_up(given), kernels.add_up(for_kernels(labels[part]))
    wanted = np.isin(ids, within)
    distances = distances_within(given)
    for label, (first, last) in zip(ids[wanted], shape_kernels.bounds(given, ids)[wanted], strict=True):
        if label:
            z, y, x = map(slice, first, last)
            box, _ = with_margin((z, y, x), 1, labels.shape)
            own, of_own = given[box] == label, distances[box]
            if not (is_known := known(given[box])).all():
                of_own = distances_within(own | ~is_known)
            # Without any other voxel around it all are infinitely far inside.
            inside = of_own[own].clip(max=sum(own.shape))
            found[box][own] = inside / inside.max()
            if (given[box] == IGNORED).any():
                least = distances_within(own | (given[box] == OUTSIDE))[own].clip(max=sum(own.shape))
                found[box][own] = over_greatest(
                    inside, least, is_thin(given[box])[own], np.zeros(len(inside), np.int64)
                )
    return found[part][np.newaxis]


def borders(labels: Labels, part: Part = ALL) -> Array:
    """Boundaries, which one erosion of every instance takes away, after a Gaussian filter.

    The filter takes means over known voxels alone: neither the end of the volume nor what is not annotated darkens a
    boundary, and in an image it is the filter of two dimensions.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
    part : slices, optional

    Returns
    -------
    (1, Z, Y, X) array of float32
        In 0..1: 0.4 in the boundary of a large nucleus by itself, 0.64 where two such touch; 0 beyond the volume.
    """
    wide, inner = with_margin(part, REACH + 1, labels.shape)
    is_known = known(labels[wide])
    boundary, whole = (
        ndimage.gaussian_filter(each.astype(np.float32), SIGMA, mode="constant", radius=REACH)[inner]
        for each in (classes(labels[wide]) == BOUNDARY, is_known)
    )
    return np.divide(boundary, whole, out=np.zeros_like(boundary), where=is_known[inner])[np.newaxis]


class NedtBorderParams(WatershedParams):
    """From distances and borders to instances; defaults of seeds and tolerance as in FPN2-WS."""

    fg_thresh: float = Field(0.05, gt=0, lt=1)
    seed_thresh: float = Field(0.67, gt=0, lt=1)
    seed_closings: int = Field(1, ge=0, le=1000)
    min_seed_size: int = Field(5, ge=0, le=10**9)
    seed_erosions: int = Field(1, ge=0, le=1000)
    tolerance: float = Field(0.3, gt=0, lt=1)
    max_size: int = Field(0, ge=0, le=10**9)

    own_seeds = WatershedParams.own_seeds | {"seed_closings", "min_seed_size", "seed_erosions", "tolerance"}

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with.

        Above 0.67 there is 11 % of a disc, but 3.6 % of a ball: in volumes, seeds need lower thresholds. A network that
        is not sure where borders are predicts lower ones, over which nuclei would be joined.
        """
        tried = {"fg_thresh": [0.04, 0.1], "seed_thresh": [0.3, 0.5, 0.67], "tolerance": [0.1, 0.3]}
        return {**super().to_try(), **tried}

    @classmethod
    def find_basins(cls, prediction: Prediction) -> Basins:
        """Flood borders, ``border``: (1, N), from where distances, ``nedt``: (1, N), are great."""
        return Basins(*prediction["border"], *prediction["nedt"], *prediction["nedt"])

    def is_seed(self, basins: Basins) -> Mask:
        """Tell where the distance is above the threshold of seeds."""
        return basins.inside > self.seed_thresh

    def is_foreground(self, basins: Basins) -> Mask:
        """Tell where the distance is above its threshold."""
        return basins.foreground > self.fg_thresh

    def may_be_foreground(self, prediction: Prediction) -> Mask:
        """Tell where the distance is above its threshold."""
        return self.is_foreground(self.find_basins(prediction))

    @property
    def strictness(self) -> float:
        """There is less foreground above a greater threshold."""
        return self.fg_thresh

    def shape_seeds(self, seeds: Runs, foreground: Runs, surface: NDArray[np.float32]) -> Runs:
        """Close the seeds, drop small ones, erode them, and join those that no border is between."""
        from auxcpvloss.segmentation import seed_shapes
        from auxcpvloss.segmentation.runs import intersect

        seeds, _ = intersect(seeds, foreground)
        seeds = seed_shapes.close(seeds, self.seed_closings)
        seeds = seed_shapes.drop_small(seeds, self.min_seed_size)
        seeds = seed_shapes.erode(seeds, self.seed_erosions)
        return seed_shapes.grow_below(seeds, foreground, surface, self.tolerance)

    @property
    def sizes(self) -> tuple[int, int]:
        """Sizes, in voxels, of the smallest and of the largest instances that are kept; 0: of any size."""
        return self.min_size, self.max_size


def confidence(prediction: Prediction, labels: Labels) -> Array:
    """How deep the network takes each instance to be, as a fraction of how deep one of its shape is.

    Parameters
    ----------
    prediction : mapping
        ``nedt``: (1, Z, Y, X) array.
    labels : (Z, Y, X) array of uint32

    Returns
    -------
    (N,) array in 0..1
        By rising label: the mean of the predicted distances, over the mean of those of an instance of this shape.
    """
    depth = mean_within(prediction["nedt"][0].astype(np.float32), labels)
    return np.clip(depth / mean_within(depths(labels)[0], labels), 0, 1)


NEDT_BORDER = Method(
    "nedt_border",
    heads=(
        # As with the signed distance, the coefficients bring the losses to the magnitude of that of vectors.
        Head(
            "nedt",
            channels=1,
            target=depths,
            loss=KNOWN,
            context=1,
            whole_instances=True,
            coefficient=100.0,
        ),
        Head(
            "border",
            channels=1,
            target=borders,
            loss="squared_difference",
            context=REACH + 1,
            coefficient=100.0,
        ),
    ),
    confidence=confidence,
    params=NedtBorderParams,
)
