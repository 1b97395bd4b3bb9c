"""The gunpowder nodes of augmentations."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import gunpowder as gp
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Setting
from auxcpvloss.augment.deform import Box, Deformation
from auxcpvloss.augment.sampling import Sampler
from auxcpvloss.config.tables import Config
from auxcpvloss.config.tables.augmentation import names_in

Step = tuple[Callable[..., Any], Any]
"""What an augmentation does, and its table."""
Choice = list[Step | list[Step]]
"""Of which one is drawn, and if that is a list, one of it."""


def nodes(config: Config, setting: Setting, raw: gp.ArrayKey) -> list[gp.BatchFilter]:
    """Make the nodes of all augmentations of a configuration, in the order of the pipeline.

    Augmentations by `deform` or `change` that are off take no part: they neither draw random numbers nor change the
    seeds of the other nodes. Those by `node` always take part, since each node of the pipeline changes the seeds.
    """
    on = [(each, each.table_of(config)) for each in AUGMENTATIONS if each.is_on(config)]
    deform = [(each.deform, table) for each, table in on if each.deform is not None]
    change = {each.name: (each.change, table) for each, table in on if each.change is not None}
    made = [each.node(each.table_of(config), setting, raw) for each in AUGMENTATIONS if each.node is not None]
    if deform:
        turned = next(node for node in made if isinstance(node, gp.SimpleAugment))
        made.insert(0, Deform(deform, setting, turned))
    return [*made, ChangeIntensities(raw, _groups(change, config), setting)] if change else made


def _groups(on: dict[str, Step], config: Config) -> list[Choice]:
    """Sort augmentations into the groups of `one_of`, or groups of one; a group comes where its first one does."""
    group_of = {name: group for group in config.training.augmentation.applied().one_of for name in names_in(group)}
    groups = dict.fromkeys(group_of.get(name, (name,)) for name in on)
    return [[on[each] if isinstance(each, str) else [on[name] for name in each] for each in group] for group in groups]


class Deform(gp.BatchFilter):
    """Deform all arrays by one map; asks upstream for what that needs.

    Parameters
    ----------
    parts : sequence of Step
        `Augmentation.deform` of each augmentation.
    setting : Setting
    turned : SimpleAugment
        The node downstream that mirrors and exchanges axes.
    """

    def __init__(self, parts: Sequence[Step], setting: Setting, turned: gp.SimpleAugment) -> None:
        self.parts, self.setting, self.turned = parts, setting, turned
        self.samplers: dict[gp.ArrayKey, Sampler] = {}

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Draw a deformation and grow the region of each array to what it is sampled from."""
        deformation = Deformation(_box(request.get_total_roi()))
        rng = np.random.default_rng(random.getrandbits(64))
        for deform, table in self.parts:
            deformation = deform(deformation, table, self.setting, rng)
        self.samplers = {}
        for key, spec in request.array_specs.items():
            self.samplers[key] = sampler = Sampler(deformation, _box(spec.roi))
            spec.roi = gp.Roi(sampler.first, sampler.last - sampler.first + 1)
        return request

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> gp.Batch:
        """Sample images linearly and labels at the nearest voxel."""
        deformed = gp.Batch()
        for key, array in batch.arrays.items():
            sampler, source, spec = self.samplers[key], np.ascontiguousarray(array.data), array.spec.copy()
            spec.roi = request[key].roi
            if array.spec.interpolatable:
                # In this order in memory, by which rounding of the mean differs, which intensities are scaled about.
                data = sampler.linear(source)
            else:
                data = self._empty(spec.roi.shape, source.dtype)
                sampler.nearest(source, data)
            deformed[key] = gp.Array(data, spec)
        return deformed

    def _empty(self, shape: Sequence[int], dtype: Any) -> NDArray[Any]:
        """Make an array that is contiguous in memory when it is mirrored and its axes are exchanged."""
        order = self.turned.transpose
        made = np.empty([shape[axis] for axis in order], dtype)
        return made.transpose(np.argsort(order))[tuple(slice(None, None, -1 if m else 1) for m in self.turned.mirror)]


class ChangeIntensities(gp.BatchFilter):
    """Change the raw image.

    Parameters
    ----------
    raw : ArrayKey
    groups : sequence of Choice
        `Augmentation.change` of augmentations that are `Occasional`. Of each group one is drawn, and then, by its
        probability, whether it changes the patch.
    setting : Setting
    """

    def __init__(self, raw: gp.ArrayKey, groups: Sequence[Choice], setting: Setting) -> None:
        self.raw, self.groups, self.setting = raw, groups, setting

    def setup(self) -> None:
        """Announce that the image changes."""
        self.enable_autoskip()
        self.updates(self.raw, self.spec[self.raw])

    def prepare(self, request: gp.BatchRequest) -> gp.BatchRequest:
        """Ask for the image alone."""
        dependencies = gp.BatchRequest()
        dependencies[self.raw] = request[self.raw].copy()
        return dependencies

    def process(self, batch: gp.Batch, request: gp.BatchRequest) -> None:
        """Draw and apply."""
        rng = np.random.default_rng(request.random_seed)
        array = batch[self.raw]
        for group in self.groups:
            drawn: Step | Choice | list[Step] = group
            while isinstance(drawn, list):
                drawn = drawn[int(rng.integers(len(drawn)))]
            change, table = drawn
            if rng.random() < table.probability:
                array.data = change(array.data, table, self.setting, rng).astype(np.float32, copy=False)


def _box(roi: gp.Roi) -> Box:
    return tuple(roi.begin), tuple(roi.shape)
