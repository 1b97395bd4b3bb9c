"""Train a denoiser on images, with labels or without: an experiment in the folder of the experiment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from auxcpvloss.config import write
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.pretraining import FOLDER, Pretraining, need_denoiser
from auxcpvloss.experiment.results import MISSING, WHOLE, Result, State, Stored
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.experiment.superseded import Notes
from auxcpvloss.experiment.training_record import training_record
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.train.preconditions import need_training
from auxcpvloss.stages.train.stage import Train
from auxcpvloss.stages.train.state import training_state
from auxcpvloss.system.errors import InputError

TRAIN = Train()
"""Trains the denoiser, as any other network."""

CONFIG = "config.toml"


@dataclass(frozen=True, eq=False)
class Denoiser(Result):
    """The weights of a pretraining, which may be half done."""

    def state(self, records: Records) -> State:
        """Say how the pretraining is."""
        return pretraining_state(self.subject)


class Pretrain(Stage):
    """Checkpoints of the network of [model] as a denoiser, in ``pretrain/train/``, and what is logged on the way."""

    name, help = FOLDER, "train a denoiser on the images, with labels or without ([pretrain])"
    version, libraries = Train.version, Train.libraries
    in_all = False
    takes_denoised = False
    uses_network = True
    trains = True
    needs_network = True
    makes_way = False
    counted = ""

    def precondition(self, run: Run) -> None:
        super().precondition(run)
        if run.experiment.other_test:
            raise InputError(
                "--test-data: the denoiser is trained on the test volumes of the experiment itself, not on others; run "
                "the stage pretrain without it."
            )
        if not run.experiment.is_ensemble and not pretraining(run).experiment.volumes("train"):
            raise InputError(f"pretrain.images: {run.experiment.config.pretrain.images}: there are no such volumes.")
        need_training(pretraining(run))

    def needed_volumes(self, run: Run) -> list[Volume]:
        return pretraining(run).experiment.volumes("train")

    def begin(self, run: Run) -> None:
        inner = pretraining(run)
        TRAIN.begin(inner)
        # Others may begin with its weights, as with those of any experiment.
        write(inner.experiment.config, inner.experiment.folder / CONFIG)

    def results(self, run: Run) -> Iterable[Result]:
        inner = pretraining(run)
        record = training_record(inner.experiment) or {}
        yield Denoiser(self.name, "weights", "", (), record, Stored({}, record.get("made_with", {})), inner)

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        if self.name in run.experiment.config.scheme.stages or pretraining(run).experiment.is_trained:
            yield from super().states(run)

    def more_states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        yield from TRAIN.more_states(pretraining(run))

    def make(self, result: Result, run: Run) -> None:
        TRAIN.make(result, result.subject)

    def say(self, run: Run, tally: Tally) -> None:
        TRAIN.say(pretraining(run), tally)

    def plan(self, run: Run) -> str:
        return TRAIN.plan(pretraining(run))


def pretraining(run: Run) -> Run:
    """Give the command as one on the pretraining of the experiment."""

    def make() -> Run:
        inner, frozen = Pretraining.of(run.experiment), run.experiment.folder / FOLDER / CONFIG
        notes = Notes(run.notes.say, config=frozen.read_text(encoding="utf-8") if frozen.is_file() else "")
        return Run(inner, run.terminal, stages=(TRAIN.name,), planning=run.planning, notes=notes)

    return run.remember("pretraining", make)


def pretraining_state(inner: Run) -> State:
    """Say how a pretraining is; with other test volumes than those of the experiment, whatever its own are now."""
    experiment = inner.experiment
    if not isinstance(experiment, Pretraining) or not experiment.outer.other_test:
        return training_state(inner)
    try:
        need_denoiser(experiment.outer)
    except InputError as error:
        return State("stale", str(error)) if experiment.is_trained else MISSING
    return WHOLE
