"""With which checkpoint and parameters the test volumes are done."""

from __future__ import annotations

from dataclasses import replace

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.selection_file import Selection, read_selection, selection_record, validated_checkpoints
from auxcpvloss.stages.planned_samples import samples_of
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.validate_checkpoints.selected_from import stale_selection
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError

SPLIT = "test"


def subjects(run: Run, selection: Selection) -> list[Subject]:
    """Give the test volumes with a selection; predictions also serve for the parameters of [postprocessing]."""
    others = (selection.params, run.experiment.params)
    return [Subject(SPLIT, selection.checkpoint, each, selection.params, others) for each in test_samples(run)]


def test_samples(run: Run) -> list[Sample]:
    """Give the test volumes."""
    return samples_of(run, SPLIT)


def chosen(run: Run, by_hand: bool = False) -> Selection:
    """Find checkpoint and parameters for the test volumes.

    The parameters are those that validation selected, or those of [postprocessing] where nothing was validated.

    Parameters
    ----------
    run : Run
    by_hand : bool
        Whether the parameters of [postprocessing] are taken if the stage postprocess was asked for, too: what it made
        is what is looked at then.

    Raises
    ------
    InputError
        There is no such checkpoint, or none was selected yet, or something changed since.
    """
    selection = run.remember("selection", lambda: _choose(run))
    use_own = by_hand and "postprocess" in run.stages
    return replace(selection, params=run.experiment.params) if use_own else selection


def _choose(run: Run) -> Selection:
    experiment, choice = run.experiment, run.choice
    if not experiment.method.has_network:
        return read_selection(experiment)
    # What finds no instances is not validated: the newest is taken.
    if choice.checkpoint is None and choice.which == "best" and experiment.method.finds_instances:
        if not run.planning:
            _refuse_stale(run)
            _tell_newer(run)
        selection = read_selection(experiment)
    else:
        selected = experiment.selection_path.is_file()
        params = read_selection(experiment).params if selected else experiment.params
        selection = Selection(_usable(run, SPLIT, choice.checkpoint), params)
        if selection_record(experiment) and not run.planning and (changed := stale_selection(run)):
            run.warn(f"parameters were selected before a change: {changed}; run validate_checkpoints to select again")
    if experiment.config.validation.on_train and selection_record(experiment):
        run.warn(
            "selected on the training volumes (validation.on_train); --no-validate_on_train uses the selection made "
            "on the validation volumes",
        )
    return selection


def checkpoint_to_validate(run: Run) -> Checkpoint:
    """Find the checkpoint that the stage validate looks at: the one named, else the selected, else the newest.

    Raises
    ------
    InputError
        There is no such checkpoint.
    """
    experiment, choice = run.experiment, run.choice
    checkpoint = choice.checkpoint
    if checkpoint is None and choice.which == "best" and selection_record(experiment):
        checkpoint = read_selection(experiment).checkpoint
    return _usable(run, experiment.validation_split, checkpoint)


def _usable(run: Run, split: str, checkpoint: Checkpoint | None) -> Checkpoint:
    experiment = run.experiment
    if checkpoint is None:
        newest = experiment.config.training.max_iterations
        checkpoint = max(experiment.usable_checkpoints(split), default=newest)
    if not run.planning:
        experiment.need_usable(split, checkpoint)
    return checkpoint


def _refuse_stale(run: Run) -> None:
    changed = stale_selection(run)
    # Which runs are averaged is for `read_selection` to compare.
    if changed and not changed.startswith("trained_models"):
        raise InputError(
            f"{run.experiment.selection_path}: selected before a change: {changed}.",
            "Run the stage validate_checkpoints, or use --test-checkpoint last or --checkpoint N.",
        )


def _tell_newer(run: Run) -> None:
    newest = max(run.experiment.checkpoints.iterations(), default=0)
    if newest > max(validated_checkpoints(run.experiment), default=newest):
        run.warn(f"checkpoint {newest} is newer than the validation; run validate_checkpoints to consider it")
