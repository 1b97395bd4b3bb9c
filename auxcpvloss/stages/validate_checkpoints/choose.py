"""Choose checkpoint and parameters by their scores on the validation volumes: what stages that do so share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.results import Result, stored_beside
from auxcpvloss.experiment.selection_file import Selection, write_selection
from auxcpvloss.experiment.validation import Score, best_of, chosen_parameters, is_refined, parameter_sets, write_scores
from auxcpvloss.stages.repeats import warn_of_members
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.validate_checkpoints.refined import Search, search
from auxcpvloss.stages.validate_checkpoints.scoring import (
    checkpoints_to_validate,
    left_out,
    predicted_and_scored,
    predictions_of,
    read_values,
    validation_samples,
)
from auxcpvloss.stages.validate_checkpoints.selected_from import selection_of
from auxcpvloss.stages.volume.make import make_together, number_of_processes
from auxcpvloss.stages.volume.networks import passes
from auxcpvloss.system.errors import InputError


class Validation(Stage):
    """What stages have in common that predict, label and score the validation volumes."""

    split, follows = "val", "train"
    uses_network = True
    needs_network = True
    libraries = ("numpy",)

    def precondition(self, run: Run) -> None:
        """Refuse to validate where no volume is left for it."""
        if run.experiment.config.validation.trained_models:
            self.precondition_of_averages(run)
        else:
            super().precondition(run)

    def precondition_of_averages(self, run: Run) -> None:
        """Refuse to validate where every volume trains."""
        raise InputError(
            f"validation.trained_models: all volumes are used for training, so none is left for {self.name}."
        )

    def check_volumes(self, run: Run) -> None:
        """Refuse validation volumes that cannot be scored."""
        if not run.experiment.config.validation.trained_models:
            validation_samples(run)

    def begin(self, run: Run) -> None:
        """Warn of volumes that are not new to the networks."""
        if run.experiment.is_ensemble:
            warn_of_members(run, validation_samples(run))

    def checkpoints(self, run: Run) -> Sequence[Checkpoint]:
        """Give the checkpoints that are looked at."""
        # What is wrong with the volumes is said before what the training lacks.
        validation_samples(run)
        return run.remember("checkpoints", lambda: checkpoints_to_validate(run.experiment))

    def results(self, run: Run) -> Iterable[Result]:
        """Give predictions, each followed by scores, then what is made of all of these."""
        checkpoints = self.checkpoints(run)
        if run.choice.term_after_predict:
            yield from predictions_of(run, checkpoints)
        else:
            found = self.search(run)
            yield from predicted_and_scored(run, found.tried)
            # What was made before shows in a plan, where nothing is added to it.
            if found.is_over or run.planning:
                yield from self.tables(run, checkpoints)

    def search(self, run: Run) -> Search:
        """Say which checkpoints are scored with which parameter sets."""
        return Search({number: list(parameter_sets(run.experiment)) for number in self.checkpoints(run)}, True)

    def tables(self, run: Run, checkpoints: Sequence[Checkpoint]) -> Iterable[Result]:
        """Give what is made of all scores."""
        return ()

    def check(self, result: Result, run: Run) -> None:
        """Nothing: what an earlier stage has to make is made here."""

    def workers(self, run: Run, jobs: Sequence[Sequence[Result]]) -> int:
        """Give the number of processes that label and score."""
        return number_of_processes(run, jobs)

    def do_job(self, results: Sequence[Result], run: Run, make: Callable[[Result], Result]) -> Iterator[Result]:
        """Make the scores of a volume with a checkpoint, from one reading of its prediction."""
        return make_together(results, run)

    def scores(self, run: Run) -> list[Score]:
        """Give all scores, once they are there."""
        return run.remember("scores", lambda: read_values(run, self.search(run).tried))

    def say(self, run: Run, tally: Tally) -> None:
        """Say what was predicted, where that is all that was to be done."""
        if run.choice.term_after_predict:
            checkpoints = self.checkpoints(run)
            volumes = counted(len(validation_samples(run)), "volume")
            listing = ", ".join(map(str, checkpoints))
            run.terminal.say(f"predicted {volumes} with {counted(len(checkpoints), 'checkpoint')} ({listing})")
        else:
            self.say_scores(run, tally)
            if without := left_out(run):
                run.terminal.say(without)

    def say_scores(self, run: Run, tally: Tally) -> None:
        """Say what the scores are."""

    def plan(self, run: Run) -> str:
        """Say which checkpoints would be scored, on which volumes."""
        experiment = run.experiment
        sets = counted(len(parameter_sets(experiment)), "parameter set")
        folder = experiment.folder / experiment.validation_split
        often = f" x {words}" if (words := passes(experiment)) else ""
        more = ", then refined" if is_refined(experiment) else ""
        return f"{self.volumes(run)}: {self.planned_checkpoints(run)} x {sets}{often}{more} -> {folder}"

    def planned_checkpoints(self, run: Run) -> str:
        """Say which checkpoints would be scored."""
        config = run.experiment.config
        every = ", ".join(map(str, config.validation.checkpoints)) or f"every {config.training.checkpoints} iterations"
        return f"checkpoints {every}"

    def volumes(self, run: Run) -> str:
        """Name the validation volumes, which may be those of the training."""
        split = "train" if run.experiment.config.validation.on_train else "val"
        return f"{split} ({', '.join(run.experiment.names('val')) or 'no volumes'})"


class Choosing(Validation):
    """What stages have in common that choose a checkpoint and parameters."""

    def search(self, run: Run) -> Search:
        """Say which parameter sets follow from the scores that are there, too."""
        return search(run, self.checkpoints(run))

    def goes_on(self, run: Run) -> bool:
        """Whether the scores that were made ask for more, or for the tables that are made of all."""
        if run.choice.term_after_predict:
            return False
        tables = self.tables(run, self.checkpoints(run))
        return not self.search(run).is_over or any(run.state(each).kind != "whole" for each in tables)

    def table_name(self, run: Run) -> str:
        """Give the name of the table of scores."""
        return "scores.csv"

    def tables(self, run: Run, checkpoints: Sequence[Checkpoint]) -> Iterable[Result]:
        """Give the table of scores, and the selection."""
        selection = selection_of(run, checkpoints, validation_samples(run))
        path = selection.paths[0].with_name(self.table_name(run))
        yield Result(self.name, "table", path.name, (path,), selection.record, stored_beside(path), is_beside=True)
        yield selection

    def make(self, result: Result, run: Run) -> None:
        """Write the table, or the selection."""
        scores, experiment = self.scores(run), run.experiment
        if result.is_beside:
            write_scores(result.paths[0], scores, experiment.metric)
        else:
            best = best_of(scores)
            selection = Selection(best.checkpoint, best.params)
            write_selection(
                experiment, selection, chosen_parameters(experiment), best.value, result.record, self.made_with()
            )

    def say_scores(self, run: Run, tally: Tally) -> None:
        """Say what won."""
        scores, metric = self.scores(run), run.experiment.metric
        best, checkpoints = best_of(scores), len({score.checkpoint for score in scores})
        if best.value == 0:
            run.terminal.warn(
                f"{metric} is 0 for every checkpoint and parameter set, so none can be selected. Train longer "
                "(training.max_iterations), or try other thresholds ([validation])."
            )
        sets = len(parameter_sets(run.experiment))
        of = f"{counted(checkpoints, 'checkpoint')} x {counted(sets, 'parameter set')}"
        if more := len(scores) - sets * checkpoints:
            of += f" and {more} refined"
        whole = "" if any(each.kind == "scores" for each in tally.made) else "whole already: "
        on_train = " that it was trained on" if run.experiment.config.validation.on_train else ""
        run.terminal.say(
            f"{whole}best of {of} on {counted(len(best.values), 'volume')}{on_train}: checkpoint {best.checkpoint}, "
            f"{best.params.describe()}: {metric} = {best.value:.3f}"
        )


def counted(count: int, thing: str) -> str:
    """Give a number with what it counts: 1 volume, 2 volumes."""
    return f"{count} {thing}{'s' * (count != 1)}"
