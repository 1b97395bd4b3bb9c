"""Pictures of what the network predicts, beside what is made of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import zarr

from auxcpvloss.data.samples import Sample
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment, Selection
from auxcpvloss.prediction_pictures import prediction_picture
from auxcpvloss.stages.labelling import instances_record, read_instances
from auxcpvloss.stages.records import zarr_record
from auxcpvloss.terminal import Terminal

SPLIT = "test"


def visualize(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Draw a plane of every test volume: raw data, all predicted heads, instances and, with truth, hits and errors.

    Raises
    ------
    InputError
        A volume was not predicted or not labelled.
    """
    samples = experiment.samples(SPLIT)
    folder = experiment.visualized(SPLIT, selection.checkpoint, selection.params)
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            _draw(experiment, selection, sample, folder)
    for sample in samples:
        terminal.say(f"picture: {folder / f'{sample.name}.png'}")


def _draw(experiment: Experiment, selection: Selection, sample: Sample, folder: Path) -> None:
    predicted = experiment.processed(SPLIT, selection.checkpoint, sample.name)
    labelled = experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name)
    if zarr_record(predicted) is None:
        raise InputError(f"{predicted}: there is no prediction to show. Run the stage predict.")
    if instances_record(labelled) is None:
        raise InputError(f"{labelled}: there are no instances to show. Run the stage label.")
    arrays = zarr.open_group(str(predicted), mode="r")["volumes"]
    folder.mkdir(parents=True, exist_ok=True)
    prediction_picture(
        folder / f"{sample.name}.png",
        np.asarray(sample.raw),
        {name.removeprefix("pred_"): array for name, array in arrays.arrays()},
        read_instances(labelled),
        np.asarray(sample.labels) if sample.has_labels else None,
        sample.voxel_size,
        f"{sample.name}, {experiment.method.name}, checkpoint {selection.checkpoint}, {selection.params.slug()}",
    )
