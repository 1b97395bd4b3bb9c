"""Random patches of a volume."""

from __future__ import annotations

import math
import random
from copy import copy
from typing import Any

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.annotated import annotated_boxes
from auxcpvloss.data.samples import Sample
from auxcpvloss.methods.method import OUTSIDE
from auxcpvloss.network.shapes import Shape
from auxcpvloss.pipeline.source import DecodedChunks, PaddedSource


class SeededRequest(gp.BatchRequest):
    """A request whose seed stays random however many nodes it passes.

    gunpowder squares the seed at each copy of a request, modulo 2^32. That is not one-to-one: of all seeds, some 340
    are left after 15 copies and 3 after 20, so that a pipeline of a few nodes draws from a handful of locations.
    """

    _random_seed: int

    def _update_random_seed(self) -> None:
        # A full-period linear congruential step (Numerical Recipes) loses no seed.
        self._random_seed = (1664525 * self._random_seed + 1013904223) % 2**32

    def __deepcopy__(self, memo: Any) -> SeededRequest:
        # Every node copies its request several times; of all that it consists of, only regions change in place.
        made = SeededRequest(random_seed=self._random_seed)
        for key, spec in self.array_specs.items():
            made.array_specs[key] = copied = copy(spec)
            copied.roi = copy(spec.roi)
        return made


class RandomPatch(gp.RandomLocation):
    """Choose a location at which the patch lies within the volume, is annotated, and often contains nuclei.

    The region that a deformation asks for is larger than the patch and may reach into the padding; the patch itself,
    at the center of the region, is kept inside the volume along each axis along which it fits.

    Parameters
    ----------
    patch : (Z, Y, X)
        Shape of the network's output.
    volume : (Z, Y, X)
        Shape of the volume without its padding.
    centers : (N, 3) array
        Centers of the nuclei, in voxels.
    p_nonempty : float
        Probability that a patch must contain at least one of them.
    overhang : (Z, Y, X)
        Voxels by which the patch may reach beyond the volume all the same.
    by_nuclei : bool
        Whether such a patch is drawn in proportion to the nuclei in it: as if around a nucleus drawn at random, which
        may be anywhere in the patch.
    annotated : (N, 2, 3) array, optional
        Boxes of annotated voxels, see `annotated_boxes`, one of which a patch has to meet.
    """

    def __init__(
        self,
        patch: Shape,
        volume: Shape,
        centers: NDArray[np.float64],
        p_nonempty: float,
        overhang: Shape,
        by_nuclei: bool = False,
        annotated: NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__()
        self.half = np.array(patch) / 2
        size = np.array(volume)
        self.lowest = np.minimum(self.half - overhang, size / 2) - 1
        # The center of a region is rounded down; a patch of one plane, one off, would lie beyond the volume.
        self.highest = np.maximum(size - self.half + overhang, size / 2) + np.minimum(1, np.array(patch) - 1)
        # A center beyond the volume could be looked for forever.
        self.centers = centers[((centers >= 0) & (centers < size)).all(axis=1)]
        self.p_nonempty = p_nonempty
        self.most = _most_together(self.centers, np.array(patch)) if by_nuclei else 1
        self.nonempty = False
        self.annotated = annotated

    def prepare(self, request: gp.BatchRequest) -> Any:
        """Draw whether the patch must contain a nucleus, then the location."""
        self.nonempty = len(self.centers) > 0 and random.random() < self.p_nonempty
        return super().prepare(request)

    def accepts(self, request: gp.BatchRequest) -> bool:
        """Whether a location, drawn at random, is taken."""
        center = np.array(request.get_total_roi().center)
        if (center < self.lowest).any() or (center > self.highest).any():
            return False
        if self.annotated is not None:
            first, last = self.annotated[:, 0], self.annotated[:, 1] - 1
            if not ((center - self.half <= last) & (center + self.half > first)).all(axis=1).any():
                return False
        if not self.nonempty:
            return True
        within = int((np.abs(self.centers - center) < self.half).all(axis=1).sum())
        return within >= self.most or (within > 0 and random.random() * self.most < within)


def _most_together(centers: NDArray[np.float64], patch: NDArray[np.int64]) -> int:
    """Give a number that as many centers as a patch can contain do not exceed."""
    # Of those in a patch, one is the first along z; from it the others are less than a patch away, along z onwards.
    ordered, most = centers[np.argsort(centers[:, 0])], 1
    for first, end in enumerate(np.searchsorted(ordered[:, 0], ordered[:, 0] + patch[0])):
        near = np.abs(ordered[first:end, 1:] - ordered[first, 1:]) < patch[1:]
        most = max(most, int(near.all(axis=1).sum()))
    return most


def random_patches(
    sample: Sample,
    raw: gp.ArrayKey,
    labels: gp.ArrayKey,
    patch: Shape,
    region: Shape,
    overhang: Shape,
    p_nonempty: float,
    by_nuclei: bool,
    chunks: DecodedChunks,
    has_labels: bool = True,
) -> Any:
    """Make the part of the pipeline that reads random patches of a volume, continued beyond its ends.

    Parameters
    ----------
    sample : Sample
    raw, labels : ArrayKey
    patch, overhang, p_nonempty, by_nuclei
        See `RandomPatch`.
    region : (Z, Y, X)
        The most that is asked for at a location.
    chunks : DecodedChunks
    has_labels : bool
        Whether the ground truth is read; else all is background, which suffices for what learns from images alone.
    """
    annotated, truth = None, sample.truth if has_labels else np.broadcast_to(np.uint32(0), sample.shape)
    if has_labels and sample.is_partly_annotated:
        annotated = annotated_boxes(sample.truth, sample.padding)
    padding = tuple(
        math.ceil((most - min(size, length)) / 2) + 1 + over
        for most, size, length, over in zip(region, patch, sample.shape, overhang, strict=True)
    )
    assert truth is not None
    source = PaddedSource({raw: sample.raw, labels: truth}, {raw: 0, labels: int(OUTSIDE)}, padding, chunks)
    centers = sample.centers()[:, :3] if has_labels else np.empty((0, 3))
    return source + RandomPatch(patch, sample.shape, centers, p_nonempty, overhang, by_nuclei, annotated)
