"""How every result of an experiment is, by the functions that the stages go by themselves."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from auxcpvloss.data.samples import Sample, open_sample
from auxcpvloss.data.sources.find import SPLITS
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection, last_iteration, read_selection
from auxcpvloss.stages.awaited import Volumes
from auxcpvloss.stages.cross_validate import cross_validation_of
from auxcpvloss.stages.export import export_of
from auxcpvloss.stages.items import WHOLE, Item, following, results, state_of
from auxcpvloss.stages.mknet import description_of
from auxcpvloss.stages.monitor import Monitor
from auxcpvloss.stages.parameter_sets import parameter_sets
from auxcpvloss.stages.records import Result, State, beside
from auxcpvloss.stages.report import report_of
from auxcpvloss.stages.selecting import selection_of, stale_selection
from auxcpvloss.stages.stored import stored_selection
from auxcpvloss.stages.summary import TABLES
from auxcpvloss.stages.testing import SPLIT, picture_of, picture_without_truth_of, summary_of
from auxcpvloss.stages.train import changed_training, is_done
from auxcpvloss.stages.visualize import plane_of
from auxcpvloss.system.errors import InputError


def inspect(experiment: Experiment, checkpoint: int | None, last: bool) -> Iterator[Item]:
    """Go through the results of all stages, in order.

    Parameters
    ----------
    experiment : Experiment
    checkpoint : int, optional
        The one that the test volumes are predicted with.
    last : bool
        Whether that is the last one; else it is the selected one.
    """
    volumes = Volumes(experiment)
    yield from _prepared(experiment, volumes)
    yield Item("mknet", "description", "", description_of(experiment).state)
    training = training_state(experiment, volumes)
    yield Item("train", "weights", "", training)
    yield from _checkpoints(experiment)
    selection = WHOLE
    for item in _validated(experiment, volumes, training):
        selection = item.state if item.what == "selection" else selection
        yield item
    yield from _tested(experiment, volumes, training, selection, checkpoint, last)


def _prepared(experiment: Experiment, volumes: Volumes) -> Iterator[Item]:
    for split in SPLITS:
        try:
            names = list(volumes.sources(split))
        except InputError as error:
            yield from _without_sources(experiment, split, str(error))
            continue
        for name in names:
            yield Item("prepare", split, name, state_of(partial(volumes.result, split, name)))


def _without_sources(experiment: Experiment, split: str, why: str) -> Iterator[Item]:
    paths = sorted(experiment.data_folder(split).glob("[!.]*.zarr"))
    if not paths:
        yield Item("prepare", split, "", State("missing", why))
    for path in paths:
        sample = open_sample(path)
        problem = "cannot be read" if sample is None else sample.lacking()
        yield Item("prepare", split, path.stem, State("broken", problem) if problem else WHOLE)


def training_state(experiment: Experiment, volumes: Volumes) -> State:
    """Say how the training is."""
    if not experiment.is_trained:
        return State("missing")
    try:
        changed = changed_training(experiment, volumes.serving("train"))
        if changed is not None:
            return State("stale", changed)
        first = max(experiment.checkpoints(), default=0)
        if not is_done(experiment, Monitor(experiment, first), first):
            last = last_iteration(experiment)
            left = f"iterations {first + 1} to {last}" if first < last else f"validation of checkpoint {first}"
            return State("missing", f"{left} are still to be done")
    except InputError as error:
        return State("stale", str(error))
    return WHOLE


def _checkpoints(experiment: Experiment) -> Iterator[Item]:
    for number in experiment.checkpoints():
        is_whole = zipfile.is_zipfile(experiment.checkpoint_path(number))
        state = WHOLE if is_whole else State("broken", "not a .keras file, or only a part of one")
        yield Item("train", "checkpoints", str(number), state)


def _validated(experiment: Experiment, volumes: Volumes, training: State) -> Iterator[Item]:
    stage, path = "validate_checkpoints", experiment.selection_path
    if experiment.config.validation.trained_models:
        yield Item(stage, "selection", "", _averaged(experiment))
        return
    checkpoints = experiment.config.validation.checkpoints or experiment.usable_checkpoints(experiment.validation_split)
    try:
        samples = [sample for sample in volumes.serving("val") if sample.has_truth]
    except InputError as error:
        samples = []
        yield Item(stage, "volumes", "", State("missing", str(error)))
    if not checkpoints or not samples:
        yield Item(stage, "selection", "", State("missing"))
        return
    for number in sorted(set(checkpoints)):
        sets = parameter_sets(experiment)
        yield from results(experiment, experiment.validation_split, number, sets, samples, training, (stage,) * 3)
    result = selection_of(experiment, sorted(set(checkpoints)), samples)
    tables = [(stage, beside(result, path.with_name("scores.csv"), "")), ("cross_validate", None)]
    yield Item(stage, "selection", "", following(result.state, training, "the training"))
    for table in sorted(path.parent.glob("scores_*.csv")):
        one = selection_of(experiment, [int(table.stem.removeprefix("scores_"))], samples)
        tables.append(("validate", beside(one, table, "")))
    if len(samples) > 1:
        tables[1] = ("cross_validate", cross_validation_of(experiment, sorted(set(checkpoints)), samples))
    for name, table_of in tables:
        if table_of is not None:
            yield Item(name, "table", table_of.paths[0].name, following(table_of.state, training, "the training"))


def _averaged(experiment: Experiment) -> State:
    stored = stored_selection(experiment)
    if stored.problem or stored.record is None:
        return State("broken", stored.problem) if stored.problem else State("missing")
    changed = stale_selection(experiment)
    return WHOLE if changed is None else State("stale", changed)


def _tested(
    experiment: Experiment, volumes: Volumes, training: State, selected: State, checkpoint: int | None, last: bool
) -> Iterator[Item]:
    try:
        samples = volumes.serving("test")
        selection, upstream = _choice(experiment, training, selected, checkpoint, last)
    except InputError as error:
        for stage in ("predict", "label", "evaluate", "report"):
            yield Item(stage, "results", "", State("missing", str(error).splitlines()[0]))
        return
    names = ("predict", "label", "evaluate")
    yield from results(experiment, SPLIT, selection.checkpoint, [selection.params], samples, upstream, names)
    yield from _pictures(experiment, selection, samples, upstream)
    page = state_of(lambda: report_of(experiment, selection, samples))
    yield Item("report", "report.html", "", following(page, upstream, "what it is about"))
    by_hand = replace(selection, params=experiment.params)
    if by_hand != selection and _any_result(experiment, by_hand):
        for item in results(experiment, SPLIT, by_hand.checkpoint, [by_hand.params], samples, upstream, names):
            if item.stage != "predict":
                yield replace(item, stage="postprocess")


def _any_result(experiment: Experiment, selection: Selection) -> bool:
    return experiment.instanced(SPLIT, selection.checkpoint, selection.params, "any").parent.is_dir()


def _choice(
    experiment: Experiment, training: State, selected: State, checkpoint: int | None, last: bool
) -> tuple[Selection, State]:
    """Which checkpoint and parameters the test volumes are done with, and how what that depends on is."""
    if checkpoint is None and not last:
        selection = read_selection(experiment)
        return selection, training if training.kind == "stale" else selected
    params = read_selection(experiment).params if experiment.selection_path.is_file() else experiment.params
    usable = experiment.usable_checkpoints(SPLIT)
    return Selection(checkpoint or max(usable, default=last_iteration(experiment)), params), training


def _pictures(
    experiment: Experiment, selection: Selection, samples: Sequence[Sample], upstream: State
) -> Iterator[Item]:
    scored = [sample for sample in samples if sample.has_truth]
    wanted: list[tuple[str, str, str, Callable[[], Result]]] = []
    for sample in samples:
        draw = picture_of if sample.has_truth else picture_without_truth_of
        stage = "evaluate" if sample.has_truth else "label"
        wanted.append((stage, "pictures", sample.name, partial(draw, experiment, selection, sample)))
        wanted.append(("visualize", "pictures", sample.name, partial(plane_of, experiment, selection, sample)))
        wanted.append(("export", "exports", sample.name, partial(export_of, experiment, selection, sample)))
    if scored:
        for name, table in TABLES.items():
            wanted.append(("evaluate", table, "", partial(summary_of, experiment, selection, scored, name)))
    for stage, what, name, result in wanted:
        yield Item(stage, what, name, following(state_of(result), upstream, "what they were chosen by"))
