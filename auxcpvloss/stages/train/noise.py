"""Noise that blind spots do not hide: what people are told of before a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from auxcpvloss.data.noise import AXES, Noise, measure_noise
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods.blind_spots import BlindSpots, learns_at_blind_spots

MOST = 8
"""Volumes that are looked at."""

BLOCK, PLANE = (16, 128, 128), (1, 512, 512)
"""Shape of the middle of a volume, or of an image, that is looked at."""


def warnings(experiment: Experiment, samples: Sequence[Sample]) -> Iterator[str]:
    """Say along which axes noise is correlated farther than voxels are hidden, if the network learns to denoise.

    Parameters
    ----------
    experiment : Experiment
    samples : sequence of Sample
        The training volumes; some of them, evenly spaced, are looked at.
    """
    if not learns_at_blind_spots(experiment.method):
        return
    hidden, ndim = BlindSpots.by(experiment.config).blind_extent, experiment.config.model.ndim
    chosen = [samples[number] for number in np.unique(np.linspace(0, len(samples) - 1, MOST).round().astype(int))]
    found = [_of_middle(sample) for sample in chosen]
    needed = np.maximum(hidden, np.median([noise.extent for noise in found], axis=0).round().astype(int))
    farther = [axis for axis in range(3) if needed[axis] > hidden[axis]]
    if farther:
        neighbours = [np.nanmedian([noise.correlation[axis, 0] for noise in found]) for axis in farther]
        along = " and ".join(
            f"{AXES[axis]} ({value:.2f} between neighbours)" for axis, value in zip(farther, neighbours, strict=True)
        )
        volumes = f"{len(found)} training volume{'s' * (len(found) > 1)}"
        yield (
            f"noise is correlated along {along}, in {volumes} looked at: the network will take it for structure. Hide "
            f"more: blind_extent = {[int(size) for size in needed[3 - ndim :]]}"
        )


def _of_middle(sample: Sample) -> Noise:
    shape = PLANE if sample.shape[0] == 1 else BLOCK
    first = [max(0, (size - most) // 2) for size, most in zip(sample.shape, shape, strict=True)]
    return measure_noise(
        sample.raw[tuple(slice(begin, begin + most) for begin, most in zip(first, shape, strict=True))]
    )
