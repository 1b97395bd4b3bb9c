"""The gunpowder pipeline that makes training batches: source, pad, random location, augment, targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import gunpowder as gp
import numpy as np

from auxcpvloss.config.tables import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.methods.method import OUTSIDE, Head, Method
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.shapes import Shape
from auxcpvloss.pipeline.nodes import AddTargets, Deform, RandomPatch, SeededRequest
from auxcpvloss.pipeline.source import SampleSource
from auxcpvloss.system.faults import unwrapping

SIGMAS = 5
"""Jitter beyond so many standard deviations is not reckoned with when context is asked for: 1 in 3 million."""


class BatchMaker:
    """Make batch i of a run, a function of (data, config, seed, i).

    Parameters
    ----------
    samples : sequence of Sample
        Training volumes, with labels or points.
    method : Method
    config : Config
    """

    def __init__(self, samples: Sequence[Sample], method: Method, config: Config) -> None:
        self.config = config
        self.samples = samples
        self.raw, self.labels, self.region = (gp.ArrayKey(name) for name in ("RAW", "LABELS", "REGION"))
        self.targets = {gp.ArrayKey(f"TARGET_{head.name.upper()}"): head for head in method.heads}
        output = output_shape(config)
        contexts = {head.name: target_context(head, samples, config) for head in method.heads}
        self.pipeline = self._pipeline(samples, contexts, output)
        self.request = gp.BatchRequest()
        self.request.add(self.raw, config.model.train_input_shape)
        for key in (*self.targets, self.region):
            self.request.add(key, output)
        self.pipeline.setup()

    def make(self, index: int) -> Batch:
        """Make batch `index`."""
        size = self.config.training.batch_size
        patches = [self._patch(index * size + number) for number in range(size)]
        return Batch(
            np.stack([patch[self.raw].data[np.newaxis] for patch in patches]),
            {head.name: np.stack([patch[key].data for patch in patches]) for key, head in self.targets.items()},
            np.stack([patch[self.region].data for patch in patches]),
        )

    def _patch(self, number: int) -> gp.Batch:
        entropy = np.random.SeedSequence([self.config.general.seed, number])
        specs = deepcopy(self.request.array_specs)
        request = SeededRequest(specs, random_seed=int(entropy.generate_state(1)[0]))
        with unwrapping():
            return self.pipeline.request_batch(request)

    def _pipeline(self, samples: Sequence[Sample], contexts: Mapping[str, Shape], output: Shape) -> Any:
        config = self.config
        region = _largest_region(contexts, output, config)
        sources = tuple(self._source(sample, region, output) for sample in samples)
        pipeline = sources + gp.RandomProvider()
        voxel_size = samples[0].voxel_size
        augmentation: Any = config.training.augmentation
        if _deforms(augmentation):
            pipeline += Deform(augmentation.elastic, voxel_size)
        pipeline += gp.SimpleAugment(
            mirror_only=augmentation.simple.mirror, transpose_only=exchangeable_axes(augmentation, voxel_size)
        )
        (scale_min, scale_max), (shift_min, shift_max) = augmentation.intensity.scale, augmentation.intensity.shift
        pipeline += gp.IntensityAugment(self.raw, scale_min, scale_max, shift_min, shift_max, clip=False)
        return pipeline + AddTargets(self.labels, self.targets, contexts, self.region)

    def _source(self, sample: Sample, region: Shape, output: Shape) -> Any:
        roi, voxel = gp.Roi((0, 0, 0), sample.shape), gp.Coordinate(1, 1, 1)
        specs = {
            self.raw: gp.ArraySpec(roi=roi, voxel_size=voxel, interpolatable=True),
            self.labels: gp.ArraySpec(roi=roi, voxel_size=voxel, interpolatable=False),
        }
        names = {self.raw: "volumes/raw", self.labels: sample.truth_key}
        beyond = overhang(self.config)
        padding = tuple(
            math.ceil((most - min(patch, size)) / 2) + 1 + over
            for most, patch, size, over in zip(region, output, sample.shape, beyond, strict=True)
        )
        return (
            SampleSource(sample, names, specs)
            + gp.Pad(self.raw, padding)
            + gp.Pad(self.labels, padding, value=int(OUTSIDE))
            + RandomPatch(output, sample.shape, sample.centers()[:, :3], self.config.training.p_nonempty, beyond)
        )


def output_shape(config: Config) -> Shape:
    """Shape of the network's output in training."""
    sizes = [
        axis.output_size(size)
        for axis, size in zip(geometry(config.model), config.model.train_input_shape, strict=True)
    ]
    z, y, x = (size for size in sizes if size is not None)
    return z, y, x


def overhang(config: Config) -> Shape:
    """Voxels by which patches may reach beyond the end of a volume.

    A prediction near the end of a volume is made from what lies beyond it too, so training has to show that. The input
    of a "valid" network reaches beyond its output anyhow; a patch of a "same" network has to stick out.
    """
    sizes = zip(geometry(config.model), config.model.train_input_shape, strict=True)
    z, y, x = (0 if axis.valid else size // 4 for axis, size in sizes)
    return z, y, x


def exchangeable_axes(augmentation: Any, voxel_size: Sequence[float]) -> list[int]:
    """The axes to be transposed, less those whose voxel size differs from the others'."""
    wanted = augmentation.simple.transpose
    sizes = [voxel_size[axis] for axis in wanted]
    # Of 2.18 : 1 : 1 the last two are left; of three different ones, none.
    alike = [[a for a, other in zip(wanted, sizes, strict=True) if _close(size, other)] for size in sizes]
    largest = max(alike, key=len, default=[])
    return largest if len(largest) > 1 else []


def _close(one: float, other: float) -> bool:
    """Whether nuclei look the same along axes of these voxel sizes."""
    return abs(one - other) <= 0.1 * max(one, other)


def target_context(head: Head, samples: Sequence[Sample], config: Config) -> Shape:
    """Voxels around a patch within which lies all that a head's target depends on.

    A head that needs whole instances gets the largest extent of a nucleus in the training volumes, as it may be after
    rotation, exchange of axes and jitter. Beyond the one plane of an image there is nothing.
    """
    is_image = config.model.ndim == 2
    if not head.whole_instances:
        return 0 if is_image else head.context, head.context, head.context
    extent = np.max([sample.max_extent for sample in samples], axis=0).astype(float)
    augmentation: Any = config.training.augmentation
    if augmentation.elastic.rotation_min != 0 or augmentation.elastic.rotation_max != 0:
        _, y, x = np.array(samples[0].voxel_size)
        diagonal = np.hypot(extent[1] * y, extent[2] * x)
        extent[1:] = diagonal / y, diagonal / x
    extent += SIGMAS * np.array(augmentation.elastic.jitter_sigma)
    # Axes are exchanged downstream of the deformation.
    axes = exchangeable_axes(augmentation, samples[0].voxel_size)
    extent[axes] = extent[axes].max(initial=0)
    z, y, x = (math.ceil(size) + head.context for size in extent)
    return 0 if is_image else z, y, x


def _deforms(augmentation: Any) -> bool:
    elastic = augmentation.elastic
    return any(elastic.jitter_sigma) or elastic.rotation_min != 0 or elastic.rotation_max != 0


def _largest_region(contexts: Mapping[str, Shape], output: Shape, config: Config) -> Shape:
    """Most that a request can ask of a source: the input or the labels with context, rotated and jittered."""
    labels = np.array(output) + 2 * np.max(list(contexts.values()), axis=0)
    shape = np.maximum(config.model.train_input_shape, labels)
    augmentation: Any = config.training.augmentation
    # Axes are exchanged downstream of the deformation.
    axes = augmentation.simple.transpose
    shape[axes] = shape[axes].max(initial=0)
    if _deforms(augmentation):
        shape[1:] = np.ceil(np.hypot(shape[1], shape[2]))
        shape = shape + 2 * np.ceil(2 * SIGMAS * np.array(augmentation.elastic.jitter_sigma)).astype(int) + 2
    z, y, x = (int(size) for size in shape)
    return z, y, x
