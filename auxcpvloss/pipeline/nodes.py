"""The gunpowder nodes of this project."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.augment.elastic import Elastic
from auxcpvloss.methods.method import OUTSIDE, Head
from auxcpvloss.network import batch as region
from auxcpvloss.network.shapes import Shape
from auxcpvloss.pipeline.deform import Box, random_deformation


class SeededRequest(gp.BatchRequest):
    """A request whose seed stays random however many nodes it passes.

    gunpowder squares the seed at each copy of a request, modulo 2^32. That is not one-to-one: of all seeds, some 340
    are left after 15 copies and 3 after 20, so that a pipeline of a few nodes draws from a handful of locations.
    """

    _random_seed: int

    def _update_random_seed(self) -> None:
        # A full-period linear congruential step (Numerical Recipes) loses no seed.
        self._random_seed = (1664525 * self._random_seed + 1013904223) % 2**32


def _box(roi: gp.Roi) -> Box:
    return tuple(roi.begin), tuple(roi.shape)


class RandomPatch(gp.RandomLocation):
    """Choose a location at which the patch lies within the volume, and often holds a nucleus.

    The region that a deformation asks for is larger than the patch and may reach into the padding; the patch itself,
    at the region's center, is kept inside the volume along each axis where it fits.

    Parameters
    ----------
    patch : (Z, Y, X)
        Shape of the network's output.
    volume : (Z, Y, X)
        Shape of the volume without its padding.
    centers : (N, 3) array
        Centers of the nuclei, in voxels.
    p_nonempty : float
        Probability with which a patch is asked to hold at least one of them.
    overhang : (Z, Y, X)
        Voxels by which the patch may reach beyond the volume all the same.
    """

    def __init__(
        self, patch: Shape, volume: Shape, centers: NDArray[np.float64], p_nonempty: float, overhang: Shape
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
        self.nonempty = False

    def prepare(self, request: gp.BatchRequest) -> Any:
        """Draw whether a nucleus is asked for, then the location."""
        self.nonempty = len(self.centers) > 0 and random.random() < self.p_nonempty
        return super().prepare(request)

    def accepts(self, request: gp.BatchRequest) -> bool:
        """Whether a location, drawn at random, is taken."""
        center = np.array(request.get_total_roi().center)
        if (center < self.lowest).any() or (center > self.highest).any():
            return False
        return not self.nonempty or bool((np.abs(self.centers - center) < self.half).all(axis=1).any())


class Deform(gp.BatchFilter):
    """Deform elastically and rotate; asks upstream for what that needs.

    Parameters
    ----------
    elastic : Elastic
        Table [training.augmentation.elastic].
    voxel_size : (z, y, x)
        For rotations where the axes differ.
    """

    def __init__(self, elastic: Elastic, voxel_size: tuple[float, float, float]) -> None:
        self.elastic = elastic
        self.voxel_size = voxel_size
        self.sources: dict[gp.ArrayKey, NDArray[np.float32]] = {}

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Draw a deformation and grow each array's region to what it will be sampled from."""
        elastic = self.elastic
        deformation = random_deformation(
            _box(request.get_total_roi()),
            np.random.default_rng(random.getrandbits(64)),
            elastic.control_point_spacing,
            elastic.jitter_sigma,
            (elastic.rotation_min, elastic.rotation_max),
            elastic.subsample,
            self.voxel_size,
        )
        self.sources = {}
        for key, spec in request.array_specs.items():
            places = deformation.sources(_box(spec.roi))
            places += deformation.center.astype(np.float32).reshape(3, 1, 1, 1)
            first = np.floor(places.min(axis=(1, 2, 3))).astype(int)
            last = np.ceil(places.max(axis=(1, 2, 3))).astype(int)
            places -= first.astype(np.float32).reshape(3, 1, 1, 1)
            self.sources[key] = places
            spec.roi = gp.Roi(first, last - first + 1)
        return request

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> gp.Batch:
        """Sample images linearly and labels at the nearest voxel."""
        deformed = gp.Batch()
        for key, array in batch.arrays.items():
            places = self.sources[key]
            if array.spec.interpolatable:
                data = ndimage.map_coordinates(array.data, places, order=1, mode="nearest", prefilter=False)
            else:
                z, y, x = np.floor(places + np.float32(0.5)).astype(np.int32)
                _, height, width = array.data.shape
                # By one index instead of three, which takes half the time.
                data = array.data.ravel().take((z * height + y) * width + x)
            spec = array.spec.copy()
            spec.roi = request[key].roi
            deformed[key] = gp.Array(data, spec)
        return deformed


class AddTargets(gp.BatchFilter):
    """Make the targets of all heads from the labels, and the map of regions that losses weigh by.

    Parameters
    ----------
    labels : ArrayKey
    targets : mapping of ArrayKey to Head
    contexts : mapping of head name to (z, y, x)
        Voxels around the patch that the head's target needs.
    region : ArrayKey
        See `network.losses`.
    """

    def __init__(
        self,
        labels: gp.ArrayKey,
        targets: Mapping[gp.ArrayKey, Head],
        contexts: Mapping[str, Shape],
        region: gp.ArrayKey,
    ) -> None:
        self.labels = labels
        self.targets = targets
        self.contexts = contexts
        self.region = region

    def setup(self) -> None:
        """Announce the targets wherever there are labels."""
        spec = self.spec[self.labels].copy()
        spec.dtype = None
        for key in (*self.targets, self.region):
            self.provides(key, spec)
        self.enable_autoskip()

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Ask for labels with the largest context of the heads that are wanted."""
        roi = None
        for key, head in self.targets.items():
            if key in request:
                context = gp.Coordinate(self.contexts[head.name])
                grown = request[key].roi.grow(context, context)
                roi = grown if roi is None else roi.union(grown)
        dependencies = gp.BatchRequest()
        dependencies[self.labels] = gp.ArraySpec(roi=roi or request[self.region].roi)
        return dependencies

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> gp.Batch:
        """Compute each target on the labels with the context that it needs, and cut it to the patch."""
        labels = batch[self.labels]
        made = gp.Batch()
        for key, head in self.targets.items():
            if key in request:
                context = gp.Coordinate(self.contexts[head.name])
                patch = labels.crop(request[key].roi.grow(context, context))
                inner = tuple(slice(c, -c or None) for c in context)
                made[key] = self._array(head.target(patch.data)[(slice(None), *inner)], request[key].roi)
        if self.region in request:
            made[self.region] = self._array(
                regions(labels.crop(request[self.region].roi).data), request[self.region].roi
            )
        return made

    def _array(self, data: NDArray[Any], roi: gp.Roi) -> gp.Array:
        return gp.Array(data, gp.ArraySpec(roi=roi, voxel_size=gp.Coordinate(1, 1, 1)))


def regions(labels: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Where a loss counts: (Z, Y, X) labels -> (1, Z, Y, X) map of outside, background and instance."""
    known = np.where(labels == 0, region.BACKGROUND, region.INSTANCE)
    return np.where(labels == OUTSIDE, region.OUTSIDE, known).astype(np.uint8)[np.newaxis]
