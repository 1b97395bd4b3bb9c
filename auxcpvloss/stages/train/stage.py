"""Train up to ``training.max_iterations``, going on from the newest checkpoint."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auxcpvloss.experiment import training_record
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.means import iteration_of
from auxcpvloss.experiment.results import WHOLE, Result, State, Stored
from auxcpvloss.experiment.selection_file import last_iteration
from auxcpvloss.experiment.training_files import MISSING, file_problems, note_files
from auxcpvloss.experiment.training_record import other_training
from auxcpvloss.network import bfloat16
from auxcpvloss.network.checkpoint import DamagedCheckpointError, check_checkpoint
from auxcpvloss.pipeline.batches import batches, number_of_workers
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.train import noise
from auxcpvloss.stages.train.initial import initial_file, initial_weights
from auxcpvloss.stages.train.initial import warnings as warnings_of_weights
from auxcpvloss.stages.train.log import TrainingLog
from auxcpvloss.stages.train.loop import TrainingLoop
from auxcpvloss.stages.train.monitor import Monitor
from auxcpvloss.stages.train.nuclei_sizes import about_context
from auxcpvloss.stages.train.preconditions import looks_at_validation, need_training
from auxcpvloss.stages.train.profile import profiled
from auxcpvloss.stages.train.state import (
    begin_anew,
    changed_training,
    is_done,
    measured_fractions,
    record_training,
    training_samples,
    training_state,
)
from auxcpvloss.stages.validate_checkpoints.trained_models import averages, select_by_trained_models
from auxcpvloss.system.backends import computes_on, gpus
from auxcpvloss.system.libraries import BACKEND
from auxcpvloss.system.prefetch import prefetching

ARITHMETIC = "arithmetic"
"""What the training record calls that on which the bits of the weights depend, besides versions."""

if TYPE_CHECKING:
    from auxcpvloss.network.trainer import Ready, Trainer


REMEDIES = {
    "validation.csv": "the scores that decide when the training ends are computed again, earlier losses are not",
    "": "only a new training makes it again",
    "checkpoints": "only a new training makes it again; it is not validated",
    "snapshots": "only a new training makes it again; no result depends on it",
    "tensorboard": "only a new training makes it again; no result depends on it",
}
"""What follows from a file of the training that is missing or changed, by its name or its folder."""


@dataclass(frozen=True, eq=False)
class Weights(Result):
    """The weights of a training, which may be half done."""

    def state(self, records: Records) -> State:
        """Say how the training is."""
        return training_state(self.subject)


class Train(Stage):
    """Checkpoints of the network, and what is logged on the way.

    Checkpoints of a training with other keys, data or initial weights are set aside, see `begin_anew`.
    """

    name, help = "train", "train the network, continuing from the newest checkpoint"
    version = training_record.VERSION
    libraries = ("gunpowder", "keras", "numpy", "scipy", BACKEND)
    split, follows = "train", "pretrain"
    uses_network = True
    trains = True
    needs_instances = False
    needs_network = True
    makes_way = False
    counted = ""

    def precondition(self, run: Run) -> None:
        super().precondition(run)
        if run.experiment.config.validation.trained_models:
            averages(run.experiment)
        need_training(run)

    def needed_splits(self, run: Run) -> list[str]:
        return ["train", *(["val"] if looks_at_validation(run.experiment) else [])]

    def begin(self, run: Run) -> None:
        begin_anew(run)
        if run.experiment.config.validation.trained_models:
            select_by_trained_models(run)
        # What is damaged is set aside before anybody takes it for whole.
        newest, _ = _newest(run, last_iteration(run.experiment))
        for name, problem in file_problems(run.experiment).items():
            folder, stem = Path(name).parent.name, Path(name).stem
            # A newer checkpoint is going to be made again.
            if folder != "checkpoints" or int(stem) < newest:
                run.terminal.warn(
                    f"{run.experiment.train_folder / name} {problem}; {REMEDIES.get(name, REMEDIES[folder])}"
                )

    def results(self, run: Run) -> Iterable[Result]:
        record = training_record.training_record(run.experiment) or {}
        yield Weights(self.name, "weights", "", (), record, Stored({}, record.get("made_with", {})), run)

    def more_states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        problems = file_problems(run.experiment)
        for number in run.experiment.checkpoints.iterations():
            path = run.experiment.checkpoints.path(number)
            problem = problems.pop(f"{path.parent.name}/{path.name}", "")
            problem = problem if zipfile.is_zipfile(path) else "not a complete .keras file"
            yield "checkpoints", str(number), State("broken", problem) if problem else WHOLE
        for name, problem in problems.items():
            yield "files", name, State("missing" if problem == MISSING else "broken", problem)

    def make(self, result: Result, run: Run) -> None:
        """Train.

        Raises
        ------
        InputError
            The volumes are not fit for training.
        StageError
            A worker died, or the loss is no longer a number; checkpoints are kept.
        Ended
            By a signal; the iteration is finished and kept.
        """
        experiment, terminal = run.experiment, run.terminal
        last, samples, initial = last_iteration(experiment), training_samples(run), initial_weights(experiment)
        first, state = _newest(run, last)
        monitor = Monitor(run, first)
        if is_done(run, monitor, first):
            # Of a training that was made shorter.
            return
        if first:
            self._tell_versions(run)
            kind = "checkpoint" if state == experiment.checkpoints.path(first) else "end"
            terminal.say(f"continuing from the {kind} of iteration {first}")
        for warning in bfloat16.warnings(experiment.config):
            if not gpus():
                terminal.warn(warning)
        for warning in (*noise.warnings(experiment, samples), *warnings_of_weights(experiment, initial)):
            terminal.warn(warning)
        about, fractions = about_context(experiment), measured_fractions(run, samples)
        paths, workers = [sample.path for sample in samples], number_of_workers(experiment.config)
        with prefetching() as ahead, batches(paths, experiment.config, first, last, about) as stream:
            trainer, notes = _trainer(run, initial, first, state, fractions)
            made_with = {**self.made_with(), ARITHMETIC: computes_on()}
            record_training(experiment, samples, initial, made_with, fractions, first)
            with (
                TrainingLog(experiment.train_folder, first, notes.get("log")) as log,
                terminal.progress("iterations", last, first) as bar,
                ExitStack() as opened,
            ):
                loop = TrainingLoop(experiment, terminal, trainer, monitor, log, bar, workers)
                # gunpowder draws from the random numbers of the process, which are not for two threads.
                ready: Iterator[Ready] = map(trainer.ready, stream)
                if workers:
                    ready = ahead(ready)
                if every := experiment.config.training.profiling:
                    table = experiment.train_folder / "profile.csv"
                    ready = opened.enter_context(closing(profiled(ready, first, every, table, terminal)))
                done = loop.run(ready, first)
            note_files(experiment)
        if monitor.verdict():
            terminal.say(monitor.verdict())
        loss = f", loss {log.summary()}" if done > first else ""
        terminal.say(f"{done} iterations{loss}; checkpoints in {experiment.train_folder / 'checkpoints'}")

    def say(self, run: Run, tally: Tally) -> None:
        if not tally.made:
            first = max(run.experiment.checkpoints.iterations(), default=0)
            folder = run.experiment.train_folder
            run.terminal.say(f"whole already: checkpoint of iteration {first} in {folder}")
            if verdict := Monitor(run, first).verdict():
                run.terminal.say(verdict)

    def volumes(self, run: Run) -> str:
        words = super().volumes(run)
        # Of whatever split.
        return words.replace(self.split, "images", 1) if run.experiment.method.learns_from_images else words

    def plan(self, run: Run) -> str:
        experiment = run.experiment
        if not experiment.config.scheme.finetunes:
            # Of a scheme, the denoiser may be made before.
            initial_weights(experiment)
        anew = changed_training(run) if experiment.is_trained else other_training(experiment)
        done = 0 if anew else max(experiment.checkpoints.states(), default=0)
        found = averages(experiment) if experiment.config.validation.trained_models else []
        last = iteration_of(found[0].checkpoint) if found else last_iteration(experiment)
        why = f", from the beginning because {anew}; the existing results are moved to superseded/" if anew else ""
        if experiment.is_trained and training_state(run) == WHOLE:
            return f"nothing, the training is complete: {experiment.train_folder}"
        return f"{self.volumes(run)}: iterations {done} to {last} -> {experiment.train_folder}{why}"

    def _tell_versions(self, run: Run) -> None:
        record = training_record.training_record(run.experiment) or {}
        then, now = record.get("made_with", {}), computes_on()
        run.tell_versions(then, self.libraries)
        if then.get(ARITHMETIC, now) != now:
            run.terminal.warn(
                f"trained with {then[ARITHMETIC]} before, with {now} now: the bits differ from those of a "
                "training without the interruption"
            )


def _newest(run: Run, last: int) -> tuple[int, Path | None]:
    """Find the newest whole state, and its iteration; sets damaged ones aside."""
    experiment = run.experiment
    for iteration, path in reversed(experiment.checkpoints.states().items()):
        if path == experiment.checkpoints.resume_path(iteration) and iteration >= last:
            # The training was made shorter.
            continue
        try:
            check_checkpoint(path)
        except DamagedCheckpointError as error:
            aside = path.rename(path.with_name(f"{path.name}.corrupt"))
            reason = str(error).splitlines()[0].rstrip(".")
            run.terminal.warn(f"{reason}; set aside as {aside.name}; the next older one is used")
        else:
            return iteration, path
    return 0, None


def _trainer(
    run: Run, initial: dict[str, Any] | None, first: int, state: Path | None, fractions: Mapping[str, Sequence[float]]
) -> tuple[Trainer, dict[str, Any]]:
    """Make the network as it is after `first` iterations, with the notes of that state.

    Adds to `initial` the layers that were taken over, and the checksum of weights that come from no file.
    """
    from auxcpvloss.network.initial import describe
    from auxcpvloss.network.trainer import Trainer

    config, method, notes = run.experiment.config, run.experiment.method, {}
    if state:
        trainer = Trainer(config, method, fractions=fractions)
        notes = trainer.load(state)
    else:
        trainer = Trainer(config, method, initial_file(initial) if initial else None, fractions)
        if initial:
            initial["layers"] = trainer.loaded.layers
            initial |= {"checksum": checksum} if (checksum := trainer.loaded.checksum) else {}
            for line in (f"starting with the weights of {initial['path']}", *describe(trainer.loaded)):
                run.terminal.say(line)
    trainer.freeze(first, initial["layers"] if initial else ())
    return trainer, notes
