"""What runs found in volumes, for pictures: where volumes and instances are still there."""

from __future__ import annotations

from auxcpvloss.data.missing_chunks import read
from auxcpvloss.data.samples import open_sample
from auxcpvloss.experiment.instances import compare, read_instances, stored_instances, without_file_format
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.selection import read_selection
from auxcpvloss.looking.compare.comparison import Run
from auxcpvloss.looking.compare.reading import TRUTH, open_experiment
from auxcpvloss.system.errors import InputError


def read_outcome(run: Run, volume: str, name: str) -> Outcome:
    """Read what a run found in a volume, to be shown under a name.

    Raises
    ------
    InputError
        Volume or instances are not on this machine, or not those that were scored.
    """
    experiment = open_experiment(run.folder)
    place = next((each for each in experiment.volumes("test") if each.name == volume), None)
    sample = open_sample(experiment.sample_path(place)) if place else None
    if sample is None or not sample.has_labels:
        raise InputError(f"{run.name}: the prepared volume {volume} is not there")
    if {key: sample.made_from[key] for key in TRUTH} != run.truth[volume]:
        raise InputError(f"{run.name}: {volume} is not the volume any more that was scored")
    selection, options = read_selection(experiment), experiment.config.evaluation
    path = experiment.instanced("test", selection.checkpoint, selection.params, volume)
    record = stored_instances(path).record
    if record is None or experiment.records.digest(without_file_format(record)) != run.instances[volume]:
        raise InputError(f"{path}: not the instances that were scored. Run the stages label and evaluate.")
    found = compare(options, read_instances(path), read(sample.labels), sample.voxel_size)
    return Outcome(name, read(sample.raw), found, voxel_size=sample.voxel_size)
