"""The volumes that a stage works on: as they are prepared or denoised, or as they are going to be."""

from __future__ import annotations

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.denoised_samples import denoised_soon
from auxcpvloss.stages.noisy_samples import noisy_sample
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError


def samples_of(run: Run, split: str) -> list[Sample]:
    """Give the volumes for training, validation or test.

    A command that makes nothing gets them as they are to be prepared; those that nothing is known of are left out.

    Raises
    ------
    InputError
        The volumes cannot be listed, or one is not prepared; for test: none is.
    """
    if split == TEST:
        return _test_samples(run)
    if not run.planning:
        return run.experiment.samples(split)
    found = [_planned(run, volume) for volume in run.experiment.volumes(split)]
    return [sample for sample in found if sample is not None]


def _test_samples(run: Run) -> list[Sample]:
    """Give the test volumes, without those that are left out; one that is not prepared is, unless none is left."""
    found: list[Sample] = []
    volumes = run.experiment.volumes(TEST)
    for volume in volumes:
        if volume.name not in run.left_out:
            try:
                sample = _planned(run, volume) if run.planning else run.experiment.sample(volume)
                found += [sample] if sample is not None else []
            except InputError as error:
                run.leave_out(volume.name, error)
    if volumes and not found and run.left_out:
        raise run.without_volumes()
    return found


def _planned(run: Run, volume: Volume) -> Sample | None:
    """Give a volume as it is to be when it is used, if anything is known of it."""
    denoises = run.experiment.config.scheme.denoises
    return denoised_soon(run, volume) if denoises else noisy_sample(run, volume)
