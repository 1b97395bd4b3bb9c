"""Denoised volumes: what each is to be made from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from auxcpvloss.data.denoised import DENOISED
from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.pretraining import Pretraining
from auxcpvloss.experiment.results import Result, Stored
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.stages.noisy_samples import PlannedSample, noisy_sample
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.prediction import prediction_keys

NAME, VERSION = "denoise", 1
KIND = "denoised volumes"


@dataclass(frozen=True)
class NotDenoisedYet(Sample):
    """A prepared volume, with the record that it is going to have when it is denoised."""

    record: dict[str, Any] = field(hash=False)

    @property
    def made_from(self) -> dict[str, Any]:
        """What it is to be made from."""
        return self.record


def denoised_of(run: Run, volume: Volume) -> Result | None:
    """Say what a denoised volume is to be made from; None where nothing is known of the noisy one.

    Without the denoiser, which need not be brought to a machine that does the rest, what is there is taken as it is.

    Raises
    ------
    InputError
        The noisy volume is not prepared, or there is neither a denoiser nor a denoised volume.
    """
    sample = noisy_sample(run, volume)
    if sample is None:
        return None
    path, there = run.experiment.denoised_path(volume), run.experiment.denoised(volume)
    stored = Stored(problem="cannot be read or is incomplete" if path.exists() else "")
    if there is not None:
        stored = Stored(there.made_from, there.made_with)
    record = run.records.flat({**sample.made_from, DENOISED: _by(run, sample, there)})
    return Result(NAME, KIND, volume.name, (path,), record, stored, (volume, sample))


def _by(run: Run, sample: Sample, there: Sample | None) -> Any:
    inner = Pretraining.of(run.experiment)
    if there is not None and not inner.is_trained:
        return there.made_from[DENOISED]
    newest = max(inner.checkpoints.iterations(), default=0)
    return denoiser_record(inner, newest, sample) if newest else {"checkpoint": None}


def denoiser_record(inner: Pretraining, checkpoint: int, sample: Sample) -> dict[str, Any]:
    """List what a denoised image depends on besides the noisy one."""
    keys = {key: value for key, value in prediction_keys(inner, sample).items() if key != "sample"}
    return {f"version of {NAME}": VERSION, "checkpoint": inner.checkpoints.digest(checkpoint), **keys}


def denoised_soon(run: Run, volume: Volume) -> Sample | None:
    """Give a volume as it is to be denoised, for a command that makes nothing; None where nothing is known of it."""
    result, there = denoised_of(run, volume), run.experiment.denoised(volume)
    if there is not None and (result is None or run.state(result).kind == "whole"):
        return there
    if result is None:
        return None
    _, noisy = result.subject
    if isinstance(noisy, PlannedSample):
        return replace(noisy, record=result.record)
    return NotDenoisedYet(noisy.name, noisy.path, result.record)
