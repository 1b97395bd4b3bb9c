"""The stages of an experiment, in order. They talk through files only: each can be run alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from auxcpvloss.experiment import Experiment, Selection
from auxcpvloss.gpu import Device, choose_device, gpus_of_tensorflow
from auxcpvloss.stages.dry_run import dry_run
from auxcpvloss.stages.mknet import mknet
from auxcpvloss.stages.needs import need_training, need_volumes, needed_splits
from auxcpvloss.stages.prepare import prepare, prepare_missing
from auxcpvloss.stages.testing import evaluate, label, postprocess, predict
from auxcpvloss.stages.train import train
from auxcpvloss.stages.validate_checkpoints import validate_checkpoints
from auxcpvloss.stages.visualize import visualize
from auxcpvloss.terminal import Terminal

BUILDING: dict[str, Callable[[Experiment, Terminal], None]] = {
    "prepare": prepare,
    "mknet": mknet,
    "train": train,
    "validate_checkpoints": validate_checkpoints,
}
TESTING: dict[str, Callable[[Experiment, Terminal, Selection], None]] = {
    "predict": predict,
    "label": label,
    "evaluate": evaluate,
}
BY_HAND: dict[str, Callable[[Experiment, Terminal, Selection], None]] = {
    "postprocess": postprocess,
    "visualize": visualize,
}
"""Stages on the test volumes that are not part of "all"."""

STAGES = (*BUILDING, *TESTING, *BY_HAND)
WITH_NETWORK = ("mknet", "train", "validate_checkpoints", "predict")
"""Stages that a GPU is for."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """Which checkpoint the test volumes are predicted with: a number, or the best or last one."""

    which: str = "best"
    checkpoint: int | None = None

    def stages(self, wanted: Collection[str]) -> list[str]:
        """Give the stages that are wanted, in order; "all" leaves validation out where its choice is not used."""
        if "all" in wanted:
            skipped = "validate_checkpoints" if self.checkpoint is not None or self.which == "last" else ""
            return [stage for stage in STAGES if stage in wanted or (stage != skipped and stage not in BY_HAND)]
        return [stage for stage in STAGES if stage in wanted]

    def select(self, experiment: Experiment) -> Selection:
        """Find checkpoint and parameters.

        The parameters are those that validation selected, or those of [postprocessing] where nothing was validated.

        Raises
        ------
        InputError
            There is no such checkpoint, or none was selected yet.
        """
        if self.checkpoint is None and self.which == "best":
            return experiment.read_selection()
        params = experiment.read_selection().params if experiment.selection_path.is_file() else experiment.params
        checkpoint = self.checkpoint
        if checkpoint is None:
            checkpoint = max(experiment.checkpoints(), default=experiment.config.training.max_iterations)
        experiment.need_checkpoint(checkpoint)
        return Selection(checkpoint, params)


def run(
    experiment: Experiment, terminal: Terminal, stages: Sequence[str], choice: Choice, finished: list[str] | None = None
) -> None:
    """Run stages, in order, and add the name of each to `finished` when it is.

    Raises
    ------
    InputError
        A stage lacks what it needs; what can be known before the first stage is said before it.
    """
    need_volumes(experiment, stages)
    if "prepare" not in stages:
        prepare_missing(experiment, terminal, needed_splits(stages))
    first_with_network = next((stage for stage in WITH_NETWORK if stage in stages), None)
    # Before anything imports TensorFlow, which takes what it sees then.
    device = choose_device(os.environ) if first_with_network else None
    need_training(experiment, stages)
    for stage in STAGES:
        if stage not in stages:
            continue
        terminal.stage = stage
        began = perf_counter()
        if device and stage == first_with_network:
            _say_device(terminal, device)
        if stage in BUILDING:
            BUILDING[stage](experiment, terminal)
        else:
            selection = _select(experiment, terminal, choice)
            if stage in BY_HAND and "postprocess" in stages:
                selection = replace(selection, params=experiment.params)
            (TESTING | BY_HAND)[stage](experiment, terminal, selection)
        logger.info("%s took %.1f s", stage, perf_counter() - began)
        if finished is not None:
            finished.append(stage)


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
    validated = experiment.validated_checkpoints()
    if choice.checkpoint is None and choice.which == "best" and newest > max(validated, default=newest):
        terminal.warn(f"checkpoint {newest} is newer than the validation; run validate_checkpoints to consider it")
    record = experiment.selection_record()
    if record and record["metric"] != experiment.metric:
        terminal.warn(
            f"selected for {record['metric']}; run validate_checkpoints again to select for {experiment.metric}"
        )
    return selection


__all__ = ["BY_HAND", "STAGES", "Choice", "dry_run", "run"]
