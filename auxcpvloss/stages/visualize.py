"""Pictures of what the network predicts, beside what is made of it."""

from __future__ import annotations

from pathlib import Path

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import open_whole, read
from auxcpvloss.detection import centers_of_mass
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment
from auxcpvloss.prediction_pictures import fullest_plane, point_prediction_picture, prediction_picture
from auxcpvloss.selection import Selection
from auxcpvloss.stages.labelling import instances_record
from auxcpvloss.stages.records import zarr_record
from auxcpvloss.stages.scoring import scored_instances, scored_points
from auxcpvloss.terminal import Terminal

SPLIT = "test"


def visualize(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Draw a plane of every test volume: raw data, all predicted heads, instances and, with truth, hits and errors.

    Where detection is the task, points instead of instances.

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
    arrays = open_whole(predicted)["volumes"]
    folder.mkdir(parents=True, exist_ok=True)
    prediction = {name.removeprefix("pred_"): read(array) for name, array in arrays.arrays()}
    path, raw, size = folder / f"{sample.name}.png", read(sample.raw), sample.voxel_size
    title = f"{sample.name}, {experiment.method.name}, checkpoint {selection.checkpoint}, {selection.params.slug()}"
    instances, truth = scored_instances(experiment, labelled, sample)
    if not experiment.is_detection:
        prediction_picture(path, raw, prediction, instances, truth, size, title)
        return
    # Points are single voxels, which nobody would see.
    z = fullest_plane(instances if sample.truth is None else read(sample.truth))
    points = scored_points(experiment, instances, truth, sample) if sample.has_truth else centers_of_mass(instances)
    point_prediction_picture(path, raw, prediction, z, points, size, title)
