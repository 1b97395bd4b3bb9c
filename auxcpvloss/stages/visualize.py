"""Pictures of what the network predicts, beside what is made of it."""

from __future__ import annotations

from pathlib import Path

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import open_whole, read
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.experiment.versions import version_of
from auxcpvloss.looking.figures.layout import save
from auxcpvloss.looking.figures.palette import palette_of
from auxcpvloss.looking.figures.prediction import fullest_plane, point_prediction_figure, prediction_figure
from auxcpvloss.metrics.detection import centers_of_mass
from auxcpvloss.stages.export import export, need_labelled
from auxcpvloss.stages.records import Result, current, record_beside
from auxcpvloss.stages.scoring import scored_instances, scored_points, scores_of
from auxcpvloss.stages.stored import stored_beside, stored_zarr
from auxcpvloss.stages.testing import drawn_from
from auxcpvloss.system.terminal import Terminal

SPLIT = "test"


def visualize(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Draw a plane of every test volume: raw data, all predicted heads, instances and, with truth, hits and errors.

    Where detection is the task, points instead of instances. Exports them too, for viewers.

    Raises
    ------
    InputError
        A volume was not predicted or not labelled.
    """
    samples = experiment.samples(SPLIT)
    folder = experiment.visualized(SPLIT, selection.checkpoint, selection.params)
    made = 0
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            need_labelled(experiment, selection, sample, "to show")
            result = plane_of(experiment, selection, sample)
            if not current(experiment, result):
                _draw(experiment, selection, sample, result.paths[0])
                record_beside(result)
                made += 1
    already = f" ({len(samples) - made} of {len(samples)} whole already)" if made < len(samples) else ""
    terminal.say(f"pictures in {folder}{already}")
    for sample in samples:
        terminal.say(f"picture: {folder / f'{sample.name}.png'}")
    export(experiment, terminal, selection)


def plane_of(experiment: Experiment, selection: Selection, sample: Sample) -> Result:
    """Say what the picture of a volume is to be made from: its scores say all that it shows, but for the heads."""
    scores = scores_of(experiment, SPLIT, selection.checkpoint, selection.params, sample)
    predicted = stored_zarr(experiment.processed(SPLIT, selection.checkpoint, sample.name)).record or {}
    path = experiment.visualized(SPLIT, selection.checkpoint, selection.params) / f"{sample.name}.png"
    made_from = {
        **drawn_from(experiment, scores),
        **version_of("visualize"),
        "heads": predicted.get("heads"),
        "do_detection": experiment.is_detection,
    }
    return Result("visualize", "pictures", (path,), plain(made_from), stored_beside(path))


def _draw(experiment: Experiment, selection: Selection, sample: Sample, path: Path) -> None:
    predicted = experiment.processed(SPLIT, selection.checkpoint, sample.name)
    labelled = experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name)
    arrays = open_whole(predicted)["volumes"]
    path.parent.mkdir(parents=True, exist_ok=True)
    prediction = {name.removeprefix("pred_"): read(array) for name, array in arrays.arrays()}
    raw, size = read(sample.raw), sample.voxel_size
    title = f"{sample.name}, {experiment.method.name}, checkpoint {selection.checkpoint}, {selection.params.slug()}"
    instances, truth = scored_instances(experiment, labelled, sample)
    if not experiment.is_detection:
        save(
            path,
            prediction_figure(raw, prediction, instances, truth, size, title, palette_of(experiment.config)),
        )
        return
    # Points are single voxels, which nobody would see.
    z = fullest_plane(instances if sample.truth is None else read(sample.truth))
    points = scored_points(experiment, instances, truth, sample) if sample.has_truth else centers_of_mass(instances)
    save(
        path,
        point_prediction_figure(raw, prediction, z, points, size, title, palette_of(experiment.config)),
    )
