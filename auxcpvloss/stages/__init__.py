"""The stages of an experiment, in order. They talk through files only: each can be run alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from time import perf_counter

from auxcpvloss.experiment import Experiment, Selection
from auxcpvloss.stages.dry_run import dry_run
from auxcpvloss.stages.mknet import mknet
from auxcpvloss.stages.needs import need_training, need_volumes
from auxcpvloss.stages.prepare import prepare
from auxcpvloss.stages.testing import evaluate, label, predict
from auxcpvloss.stages.train import train
from auxcpvloss.stages.validate_checkpoints import validate_checkpoints
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
STAGES = (*BUILDING, *TESTING)

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
            return [stage for stage in STAGES if stage != skipped or stage in wanted]
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
    need_training(experiment, stages)
    for stage in STAGES:
        if stage not in stages:
            continue
        terminal.stage = stage
        began = perf_counter()
        if stage in BUILDING:
            BUILDING[stage](experiment, terminal)
        else:
            TESTING[stage](experiment, terminal, _select(experiment, terminal, choice))
        logger.info("%s took %.1f s", stage, perf_counter() - began)
        if finished is not None:
            finished.append(stage)


def _select(experiment: Experiment, terminal: Terminal, choice: Choice) -> Selection:
    selection = choice.select(experiment)
    newest = max(experiment.checkpoints(), default=0)
    validated = experiment.validated_checkpoints()
    if choice.checkpoint is None and choice.which == "best" and newest > max(validated, default=newest):
        terminal.warn(f"checkpoint {newest} is newer than the validation; run validate_checkpoints to consider it")
    return selection


__all__ = ["STAGES", "Choice", "dry_run", "run"]
