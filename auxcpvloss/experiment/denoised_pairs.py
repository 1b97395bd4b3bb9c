"""Denoised test volumes beside the noisy ones."""

from __future__ import annotations

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.system.errors import InputError


def denoised_pairs(experiment: Experiment) -> list[tuple[Sample, Sample]]:
    """Give the test volumes that are denoised: as they were prepared, and denoised."""
    try:
        pairs = [(experiment.prepared(volume), experiment.denoised(volume)) for volume in experiment.volumes(TEST)]
    except InputError:
        # They cannot be listed on this machine.
        return []
    return [(noisy, denoised) for noisy, denoised in pairs if noisy is not None and denoised is not None]
