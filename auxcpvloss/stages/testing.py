"""The stages on the test volumes: predict, label, evaluate."""

from __future__ import annotations

from pathlib import Path

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import read
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.experiment.versions import version_of
from auxcpvloss.looking.figures.detection import detection_figure, points_figure
from auxcpvloss.looking.figures.layout import save
from auxcpvloss.looking.figures.palette import palette_of
from auxcpvloss.looking.figures.segmentation import segmentation_figure
from auxcpvloss.metrics.detection import centers_of_mass
from auxcpvloss.stages.labelling import instances_of, label_sample, read_instances
from auxcpvloss.stages.needs import lacking
from auxcpvloss.stages.predicting import predict_samples
from auxcpvloss.stages.records import Result, current, record_beside
from auxcpvloss.stages.scoring import evaluate_sample, scored_instances, scored_points, scores_of
from auxcpvloss.stages.stored import Record, stored_beside
from auxcpvloss.stages.summary import TABLES, summarize
from auxcpvloss.system.terminal import Terminal

SPLIT = "test"


def predict(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Run the network of the selected checkpoint over every test volume.

    A prediction holds what the selected parameters need and what those of [postprocessing] need, for postprocess.
    """
    samples, sets = _samples(experiment), [selection.params, experiment.params]
    with terminal.progress("volumes", len(samples)) as bar:
        made = predict_samples(experiment, SPLIT, selection.checkpoint, samples, bar.note, sets)
    folder = experiment.processed(SPLIT, selection.checkpoint, "any").parent
    terminal.say(f"checkpoint {selection.checkpoint}: {_of(made, samples)} predicted in {folder}")


def label(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Make instances of every predicted test volume; of one without ground truth, a picture too."""
    samples, made = _samples(experiment), 0
    pictures = []
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            made += label_sample(experiment, SPLIT, selection.checkpoint, selection.params, sample)
            if not sample.has_truth:
                pictures.append(_picture_without_truth(experiment, selection, sample))
    folder = experiment.instanced(SPLIT, selection.checkpoint, selection.params, "any").parent
    terminal.say(f"checkpoint {selection.checkpoint}: {_of(made, samples)} labelled in {folder}")
    for text in pictures:
        terminal.say(text)


def postprocess(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Label and evaluate once more, with parameters that were set by hand: those of [postprocessing]."""
    terminal.say(f"parameters of [postprocessing]: {selection.params.describe()}")
    label(experiment, terminal, selection)
    evaluate(experiment, terminal, selection)


def _picture_without_truth(experiment: Experiment, selection: Selection, sample: Sample) -> str:
    result = picture_without_truth_of(experiment, selection, sample)
    drawn, path = result.paths[0], experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name)
    instances = read_instances(path)
    points, raw = centers_of_mass(instances), read(sample.raw)
    count = len(points)
    if not current(experiment, result):
        title = f"{sample.name}: {count} nuclei"
        size, colors = sample.voxel_size, palette_of(experiment.config)
        if experiment.is_detection:
            figure = points_figure(raw, points, size, title, colors)
        else:
            figure = segmentation_figure(raw, instances, None, size, title, colors=colors)
        save(drawn, figure)
        record_beside(result)
    return f"{sample.name}: {count} nuclei found; picture: {drawn}"


def picture_without_truth_of(experiment: Experiment, selection: Selection, sample: Sample) -> Result:
    """Say what the picture of the instances of a volume without ground truth is to be made from."""
    instances = instances_of(experiment, SPLIT, selection.checkpoint, selection.params, sample)
    path = instances.paths[0].with_suffix(".png")
    options = {"do_detection": experiment.is_detection, "colors": experiment.config.evaluation.colors}
    made_from = {**instances.made_from, "evaluation": options}
    return Result("label", "pictures", (path,), made_from, stored_beside(path))


def evaluate(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Score every labelled test volume that has ground truth; print and write the table, draw a picture each."""
    samples = [sample for sample in _samples(experiment) if sample.has_truth]
    folder = experiment.evaluated(SPLIT, selection.checkpoint, selection.params)
    if not samples:
        terminal.say("no test volume has ground truth: nothing to score")
        return
    tables, pictures, new = {}, {}, 0
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            tables[sample.name], made = evaluate_sample(
                experiment, SPLIT, selection.checkpoint, selection.params, sample
            )
            new += made
            picture = picture_of(experiment, selection, sample)
            if not current(experiment, picture):
                _picture(experiment, selection, sample, picture.paths[0])
                record_beside(picture)
            pictures[sample.name] = picture.paths[0]
    summarize(experiment, terminal, tables, summary_of(experiment, selection, samples))
    for name, table in tables.items():
        if table["general"]["empty_prediction"]:
            terminal.warn(f"{name}: no nucleus was found at all")
        terminal.say(f"picture: {pictures[name]}")
    terminal.say(f"scores of {_of(new, samples)}: {folder / 'summary.csv'}; every score is in scores.csv")


def _picture(experiment: Experiment, selection: Selection, sample: Sample, path: Path) -> None:
    instances, truth = scored_instances(
        experiment, experiment.instanced(SPLIT, selection.checkpoint, selection.params, sample.name), sample
    )
    raw, title = read(sample.raw), f"{sample.name}, {experiment.method.name}, checkpoint {selection.checkpoint}"
    if shows_points(experiment, sample):
        detections = scored_points(experiment, instances, truth, sample)
        figure = detection_figure(raw, detections, sample.voxel_size, title, palette_of(experiment.config))
    else:
        figure = segmentation_figure(
            raw, instances, truth, sample.voxel_size, title, colors=palette_of(experiment.config)
        )
    save(path, figure)


def picture_of(experiment: Experiment, selection: Selection, sample: Sample) -> Result:
    """Say what the picture of a scored volume is to be made from.

    One of points has a place of its own: the same scores may be looked at either way.
    """
    scores = scores_of(experiment, SPLIT, selection.checkpoint, selection.params, sample)
    points = "_points" if shows_points(experiment, sample) else ""
    path = scores.paths[0].with_name(f"{sample.name}{points}.png")
    return Result("evaluate", "pictures", (path,), drawn_from(experiment, scores), stored_beside(path))


def drawn_from(experiment: Experiment, scores: Result) -> Record:
    """Say what a picture of scores is to be made from: the same, and the colors."""
    options = {**scores.made_from["evaluation"], "colors": experiment.config.evaluation.colors}
    return {**scores.made_from, "evaluation": options}


def summary_of(
    experiment: Experiment, selection: Selection, samples: list[Sample], name: str = "summary.csv"
) -> Result:
    """Say what the table over all scored volumes, or another of `TABLES`, is to be made from."""
    path = experiment.evaluated(SPLIT, selection.checkpoint, selection.params) / name
    options = experiment.config.evaluation
    # A table of the reader's own says all that it shows.
    shown: Record = {"summary": options.summary}
    if not options.summary:
        shown["do_detection"] = experiment.is_detection
    scores = {
        sample.name: scores_of(experiment, SPLIT, selection.checkpoint, selection.params, sample).made_from
        for sample in samples
    }
    made_from = {**version_of("evaluate"), "evaluation": shown, "predictions": scores}
    return Result("evaluate", f"the {TABLES[name]}", (path,), made_from, stored_beside(path))


def shows_points(experiment: Experiment, sample: Sample) -> bool:
    """Whether a picture of points says what was right and wrong: to compare outlines both sides need them."""
    return experiment.is_detection or not sample.has_labels


def _samples(experiment: Experiment) -> list[Sample]:
    samples = experiment.samples(SPLIT)
    if not samples:
        raise lacking(SPLIT)
    return samples


def _of(made: int, samples: list[Sample]) -> str:
    already = f" ({len(samples) - made} whole already)" if made < len(samples) else ""
    return f"{len(samples)} volume{'s' * (len(samples) != 1)}{already}"
