"""The gunpowder pipeline that makes training batches: random patch, augmentation, targets, corruption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.nodes import nodes
from auxcpvloss.config.tables import Config
from auxcpvloss.data.samples import Sample
from auxcpvloss.methods.method import Method
from auxcpvloss.network.architectures import geometry
from auxcpvloss.network.batch import Batch
from auxcpvloss.network.shapes import Shape
from auxcpvloss.pipeline.context import output_shape, setting_of, target_context
from auxcpvloss.pipeline.corrupt import Corrupt
from auxcpvloss.pipeline.costs import costs
from auxcpvloss.pipeline.patch import SeededRequest, random_patches
from auxcpvloss.pipeline.source import DecodedChunks
from auxcpvloss.pipeline.targets import AddTargets
from auxcpvloss.system.faults import unwrapping


class BatchMaker:
    """Make batch i of a run, a function of (data, config, seed, i).

    Parameters
    ----------
    samples : sequence of Sample
        Training volumes, with labels or points, unless the method learns from images.
    method : Method
    config : Config
    """

    def __init__(self, samples: Sequence[Sample], method: Method, config: Config) -> None:
        self.config = config
        self.samples = samples
        self.raw, self.labels, self.region = (gp.ArrayKey(name) for name in ("RAW", "LABELS", "REGION"))
        self.targets = {gp.ArrayKey(f"TARGET_{head.name.upper()}"): head for head in method.heads}
        output = output_shape(config)
        self.pipeline = self._pipeline(method, output)
        self.request = gp.BatchRequest()
        self.request.add(self.raw, config.model.train_input_shape)
        for key in (*self.targets, self.region):
            self.request.add(key, output)
        self.pipeline.setup()

    def make(self, index: int) -> Batch:
        """Make batch `index`."""
        size, made, spent = self.config.training.batch_size, dict[gp.ArrayKey, NDArray[Any]](), Counter[str]()
        for number in range(size):
            patch = self._patch(index * size + number)
            spent.update(costs(patch))
            for key in (self.raw, *self.targets, self.region):
                data = patch[key].data
                # Copied before the next patch is read: into the same memory, see `DecodedChunks.room`.
                made.setdefault(key, np.empty((size, *data.shape), data.dtype))[number] = data
        targets = {head.name: made[key] for key, head in self.targets.items()}
        return Batch(made[self.raw][:, np.newaxis], targets, made[self.region], spent)

    def _patch(self, number: int) -> gp.Batch:
        entropy = np.random.SeedSequence([self.config.general.seed, number])
        request = SeededRequest(self.request.array_specs, random_seed=int(entropy.generate_state(1)[0]))
        with unwrapping():
            return self.pipeline.request_batch(request)

    def _pipeline(self, method: Method, output: Shape) -> Any:
        config, samples = self.config, self.samples
        contexts = {head.name: target_context(head, samples, config) for head in self.targets.values()}
        region = _largest_region(contexts, output, samples, config)
        beyond, chunks, by_nuclei = overhang(config), DecodedChunks(), config.training.sampling == "nuclei"
        chances = Chances(None, [config.training.p_nonempty] * len(samples))
        if by_nuclei:
            chances = chances_by_nuclei([len(sample.centers()) for sample in samples], config.training.p_nonempty)
        has_labels = not method.learns_from_images
        sources = tuple(
            random_patches(
                sample, self.raw, self.labels, output, region, beyond, p_nonempty, by_nuclei, chunks, has_labels
            )
            for sample, p_nonempty in zip(samples, chances.nonempty, strict=True)
        )
        after = nodes(config, setting_of(samples, config), self.raw)
        after.append(AddTargets(self.raw, self.labels, self.targets, contexts, self.region))
        if method.corrupt is not None:
            after.append(Corrupt(self.raw, self.labels, self.region, method.corrupt(config)))
        return reduce(add, after, sources + gp.RandomProvider(chances.volumes))


class Chances(NamedTuple):
    """How likely each volume is to be drawn (None: all alike), and a patch of it to have to contain a nucleus."""

    volumes: Sequence[float] | None
    nonempty: Sequence[float]


def chances_by_nuclei(numbers: Sequence[int], p_nonempty: float) -> Chances:
    """Draw patches that must contain a nucleus from volumes in proportion to their nuclei, others from all alike.

    Parameters
    ----------
    numbers : sequence of int
        Nuclei of each volume.
    p_nonempty : float
        Probability that a patch must contain a nucleus.
    """
    if not sum(numbers):
        return Chances(None, [0.0] * len(numbers))
    nonempty = [p_nonempty * number / sum(numbers) for number in numbers]
    volumes = [chance + (1 - p_nonempty) / len(numbers) for chance in nonempty]
    return Chances(volumes, [part / chance if chance else 0.0 for part, chance in zip(nonempty, volumes, strict=True)])


def overhang(config: Config) -> Shape:
    """Voxels by which patches may reach beyond the end of a volume.

    A prediction near the end of a volume depends on what lies beyond it too, so training has to show that. The input
    of a "valid" network reaches beyond its output anyhow; a patch of a "same" network has to stick out.
    """
    sizes = zip(geometry(config.model), config.model.train_input_shape, strict=True)
    z, y, x = (0 if axis.valid else size // 4 for axis, size in sizes)
    return z, y, x


def _largest_region(contexts: Mapping[str, Shape], output: Shape, samples: Sequence[Sample], config: Config) -> Shape:
    """Most that a request can ask of a source: the input or the labels with context, before augmentation."""
    labels = np.array(output) + 2 * np.max(list(contexts.values()), axis=0)
    shape = np.maximum(config.model.train_input_shape, labels).astype(float)
    for each in reversed(AUGMENTATIONS):
        if each.is_on(config):
            shape = each.region(shape, each.table_of(config), setting_of(samples, config))
    z, y, x = (int(size) for size in shape)
    return z, y, x
