"""The stages of an experiment, in order. They talk through files only: each can be run alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance import Recorder
from auxcpvloss.experiment.selection import Selection, read_selection, selection_record, validated_checkpoints
from auxcpvloss.stages.cross_validate import cross_validate
from auxcpvloss.stages.dry_run import dry_run
from auxcpvloss.stages.export import export
from auxcpvloss.stages.look import look as look_in_napari
from auxcpvloss.stages.mknet import mknet
from auxcpvloss.stages.needs import need_training, need_volumes, needed_splits
from auxcpvloss.stages.prepare import prepare, prepare_missing
from auxcpvloss.stages.report import report
from auxcpvloss.stages.selecting import stale_selection
from auxcpvloss.stages.testing import evaluate, label, postprocess, predict
from auxcpvloss.stages.train import begin_anew, train
from auxcpvloss.stages.validate_checkpoints import predict_only, validate, validate_checkpoints
from auxcpvloss.stages.validating import checkpoints_to_validate
from auxcpvloss.stages.visualize import visualize
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.gpu import Device, choose_device, gpus_of_tensorflow
from auxcpvloss.system.terminal import Terminal

BUILDING: dict[str, Callable[[Experiment, Terminal], None]] = {
    "prepare": prepare,
    "mknet": mknet,
    "train": train,
}
TESTING: dict[str, Callable[[Experiment, Terminal, Selection], None]] = {
    "predict": predict,
    "label": label,
    "evaluate": evaluate,
}
BY_HAND: dict[str, Callable[[Experiment, Terminal, Selection], None]] = {
    "postprocess": postprocess,
    "visualize": visualize,
    "export": export,
}
# Last, so that it can show what postprocess made.
REPORTING: dict[str, Callable[[Experiment, Terminal, Selection], None]] = {"report": report}
VALIDATING = ("validate_checkpoints", "validate", "cross_validate")
BY_NAME = (*VALIDATING[1:], *BY_HAND)
"""Stages that are not part of "all"."""

STAGES = (*BUILDING, *VALIDATING, *TESTING, *BY_HAND, *REPORTING)
STATUS = "status"
"""Named alone: it runs nothing."""

WITH_NETWORK = ("mknet", "train", *VALIDATING, "predict")
"""Stages that a GPU is for."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """Which checkpoint the test volumes are predicted with: a number, or the best or last one.

    Attributes
    ----------
    which : {"best", "last"}
    checkpoint : int, optional
        Goes before `which`.
    term_after_predict : bool
        Whether to end as soon as there are predictions: the rest needs no GPU.
    """

    which: str = "best"
    checkpoint: int | None = None
    term_after_predict: bool = False

    def stages(self, wanted: Collection[str]) -> list[str]:
        """Give the stages that are wanted, in order; "all" leaves validation out where its choice is not used."""
        if "all" in wanted:
            skipped = "validate_checkpoints" if self.checkpoint is not None or self.which == "last" else ""
            return [s for s in STAGES if s in wanted or (s != skipped and s not in BY_NAME)]
        return [stage for stage in STAGES if stage in wanted]

    def until_end(self, experiment: Experiment, stages: Sequence[str]) -> list[str]:
        """Give the stages that are run: with `term_after_predict` up to the first that makes predictions.

        Raises
        ------
        InputError
            None of them makes predictions.
        """
        if not self.term_after_predict:
            return list(stages)
        for number, stage in enumerate(stages, start=1):
            # The mean of other runs chooses without predictions.
            averages = stage == "validate_checkpoints" and experiment.config.validation.trained_models
            if stage == "predict" or (stage in VALIDATING and not averages):
                return list(stages[:number])
        raise InputError(f"--term_after_predict: none of the stages predicts ({', '.join(stages)}); leave it out.")

    def to_validate(self, experiment: Experiment) -> int:
        """Find the checkpoint that the stage validate looks at: the one named, else the selected, else the newest.

        Raises
        ------
        InputError
            There is no such checkpoint.
        """
        split, checkpoint = experiment.validation_split, self.checkpoint
        if checkpoint is None and self.which == "best" and selection_record(experiment):
            checkpoint = read_selection(experiment).checkpoint
        return self._usable(experiment, split, checkpoint)

    def select(self, experiment: Experiment) -> Selection:
        """Find checkpoint and parameters.

        The parameters are those that validation selected, or those of [postprocessing] where nothing was validated.

        Raises
        ------
        InputError
            There is no such checkpoint, or none was selected yet.
        """
        if self.checkpoint is None and self.which == "best":
            _refuse_stale(experiment)
            return read_selection(experiment)
        params = read_selection(experiment).params if experiment.selection_path.is_file() else experiment.params
        return Selection(self._usable(experiment, "test", self.checkpoint), params)

    @staticmethod
    def _usable(experiment: Experiment, split: str, checkpoint: int | None) -> int:
        if checkpoint is None:
            newest = experiment.config.training.max_iterations
            checkpoint = max(experiment.usable_checkpoints(split), default=newest)
        experiment.need_usable(split, checkpoint)
        return checkpoint


def run(
    experiment: Experiment, terminal: Terminal, stages: Sequence[str], choice: Choice, recorder: Recorder | None = None
) -> None:
    """Run stages, in order, and tell `recorder` when each begins and ends.

    Raises
    ------
    InputError
        A stage lacks what it needs; what can be known before the first stage is said before it.
    """
    todo = choice.until_end(experiment, stages)
    experiment.notes.say = terminal.say
    need_volumes(experiment, todo)
    first_with_network = next((stage for stage in WITH_NETWORK if stage in todo), None)
    # Before anything imports TensorFlow, which takes what it sees then.
    device = choose_device(os.environ) if first_with_network else None
    need_training(experiment, todo)
    if "prepare" not in todo:
        prepare_missing(experiment, terminal, needed_splits(experiment, todo))
    for stage in STAGES:
        if stage not in todo:
            continue
        terminal.stage = stage
        began = perf_counter()
        if recorder:
            recorder.begin(stage)
        if device and stage == first_with_network:
            _say_device(terminal, device)
        if stage == "mknet" and "train" in todo:
            begin_anew(experiment, terminal)
        if stage in VALIDATING:
            _validate(stage, experiment, terminal, choice)
        elif stage in BUILDING:
            BUILDING[stage](experiment, terminal)
        else:
            selection = _select(experiment, terminal, choice)
            if stage not in TESTING:
                selection = _by_hand(experiment, stages, selection)
            (TESTING | BY_HAND | REPORTING)[stage](experiment, terminal, selection)
        logger.info("%s took %.1f s", stage, perf_counter() - began)
        if recorder:
            recorder.end()
    if choice.term_after_predict:
        left = [stage for stage in stages if stage not in todo or stage in VALIDATING]
        _say_how_to_go_on(experiment, terminal, choice, left)


def look(experiment: Experiment, terminal: Terminal, stages: Sequence[str], choice: Choice, asked: bool | None) -> None:
    """Open in napari what the stage visualize has drawn, if it was among the stages; `asked`: see `viewer.obstacle`."""
    if "visualize" in choice.until_end(experiment, stages):
        terminal.stage = "visualize"
        selection = _by_hand(experiment, stages, choice.select(experiment))
        look_in_napari(experiment, terminal, selection, asked)


def _by_hand(experiment: Experiment, stages: Sequence[str], selection: Selection) -> Selection:
    """After the stage postprocess its parameters are looked at."""
    return replace(selection, params=experiment.params) if "postprocess" in stages else selection


def _refuse_stale(experiment: Experiment) -> None:
    changed = stale_selection(experiment)
    # Which runs are averaged is for `read_selection` to compare.
    if changed and not changed.startswith("trained_models"):
        raise InputError(
            f"{experiment.selection_path}: selected before something changed: {changed}.\n"
            "Run the stage validate_checkpoints, or use --test-checkpoint last or --checkpoint N."
        )


def _say_how_to_go_on(experiment: Experiment, terminal: Terminal, choice: Choice, left: Sequence[str]) -> None:
    folder = experiment.folder
    chosen = "" if choice.which == "best" else f" --test-checkpoint {choice.which}"
    if choice.checkpoint is not None:
        chosen = f" --checkpoint {choice.checkpoint}"
    rest = f"-r {folder.parent} -id {folder.name} -d {' '.join(left)}{chosen}" if left else "nothing is left to do"
    terminal.say(
        f"ended after the predictions, as --term_after_predict asks. To go on: {rest}; here or on a machine without "
        f"GPU, to which {folder.name}/ (without train/) and data/ of {folder.parent} are copied."
    )


def _validate(stage: str, experiment: Experiment, terminal: Terminal, choice: Choice) -> None:
    averages = experiment.config.validation.trained_models
    if choice.term_after_predict and not averages:
        one = stage == "validate"
        checkpoints = [choice.to_validate(experiment)] if one else checkpoints_to_validate(experiment)
        predict_only(experiment, terminal, checkpoints)
    elif stage == "validate":
        validate(experiment, terminal, choice.to_validate(experiment))
    elif stage == "cross_validate":
        cross_validate(experiment, terminal)
    else:
        validate_checkpoints(experiment, terminal)


def _say_device(terminal: Terminal, device: Device) -> None:
    terminal.say(device.text)
    if device.warning:
        terminal.warn(device.warning)
    if device.is_gpu and not gpus_of_tensorflow():
        terminal.warn(
            "TensorFlow finds no GPU, so the processors are used; a GPU needs pip install tensorflow[and-cuda]"
        )


def _select(experiment: Experiment, terminal: Terminal, choice: Choice) -> Selection:
    selection = choice.select(experiment)
    newest = max(experiment.checkpoints(), default=0)
    validated = validated_checkpoints(experiment)
    if choice.checkpoint is None and choice.which == "best" and newest > max(validated, default=newest):
        terminal.warn(f"checkpoint {newest} is newer than the validation; run validate_checkpoints to consider it")
    record = selection_record(experiment)
    if record and experiment.config.validation.on_train:
        terminal.warn(
            "selected on the volumes that it was trained on (validation.on_train); with --no-validate_on_train what "
            "was selected on the validation volumes is used"
        )
    by_hand = choice.checkpoint is not None or choice.which == "last"
    if record and by_hand and (changed := stale_selection(experiment)):
        terminal.warn(f"parameters as selected before something changed: {changed}; validate_checkpoints selects anew")
    return selection


__all__ = ["BY_HAND", "STAGES", "STATUS", "Choice", "dry_run", "look", "run"]
