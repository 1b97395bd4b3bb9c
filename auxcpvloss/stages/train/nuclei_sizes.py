"""What people are told about nuclei that are large for the network, or for memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.trained_on import training_volumes
from auxcpvloss.methods.method import Head
from auxcpvloss.network.architectures import geometry
from auxcpvloss.pipeline.context import deciding_sample, target_context, whole_nuclei_fit


def about_context(experiment: Experiment) -> str:
    """Say how far around a patch its targets reach, and which nucleus decides that; "" where none does."""
    samples, heads = _samples(experiment), _heads(experiment)
    if not samples or not heads:
        return ""
    sample = deciding_sample(samples)
    contexts = [target_context(head, samples, experiment.config) for head in heads]
    return (
        f"targets reach {_times(np.max(contexts, axis=0))} voxels beyond a patch, because the largest nucleus, in "
        f"{sample.name}, extends {_times(sample.max_extent)}"
    )


def warnings(experiment: Experiment) -> Iterator[str]:
    """Warn of nuclei that do not fit, where the method needs to see all of them."""
    samples, heads, config = _samples(experiment), _heads(experiment), experiment.config
    if not samples or not heads:
        return
    if not whole_nuclei_fit(heads, samples, config):
        sample = deciding_sample(samples)
        yield (
            f"{sample.name}: a nucleus extends {_times(sample.max_extent)} voxels; to bound memory, the targets of "
            "patches in it may be made from a part of it. If it is no nucleus, correct the mask; otherwise resample to "
            "larger voxels (data.target_voxel_size)"
        )
    field = [axis.receptive_field for axis in geometry(config.model)]
    for sample in samples:
        if np.greater(sample.median_extent, field).any():
            yield (
                f"{sample.name}: at least half of the nuclei extend beyond the receptive field of the network "
                f"({_times(field)} voxels; median extent {_times(sample.median_extent)}), so that it cannot see their "
                "centers. Add a level (model.downsample_factors), or resample to larger voxels (data.target_voxel_size)"
            )


def _samples(experiment: Experiment) -> list[Sample]:
    """Give the training volumes with nuclei, as far as they are prepared."""
    return [sample for sample in training_volumes(experiment) if sample.has_nuclei]


def _heads(experiment: Experiment) -> list[Head]:
    return [head for head in experiment.method.heads if head.whole_instances]


def _times(sizes: object) -> str:
    return " x ".join(f"{size:g}" for size in np.asarray(sizes))
