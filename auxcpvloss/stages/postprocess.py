"""Label and evaluate once more, with parameters that were set by hand: those of [postprocessing]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from auxcpvloss.experiment.results import Result, State
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen
from auxcpvloss.stages.evaluate import Evaluate
from auxcpvloss.stages.label import Label
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.volume.make import number_of_processes


class Postprocess(Stage):
    """Instances and scores of the test volumes with the parameters of [postprocessing]."""

    name, help = "postprocess", "label and evaluate with the parameters of [postprocessing], to try out values"
    split, follows = SPLIT, "selection"
    in_all = False
    needs_network = True

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        selection = chosen(run)
        own = replace(selection, params=run.experiment.params)
        folder = run.experiment.instanced(SPLIT, own.checkpoint, own.params, "any").parent
        if own != selection and folder.is_dir():
            run.recall("selection", own)
            for stage in STAGES:
                for result in stage.results(run):
                    yield result.at + result.kind, result.name, run.state(result)

    def results(self, run: Run) -> Iterable[Result]:
        for stage in STAGES:
            yield from stage.results(run)

    def make(self, result: Result, run: Run) -> None:
        raise AssertionError(f"{result.kind} are made by {result.stage}")

    def workers(self, run: Run, jobs: Sequence[Sequence[Result]]) -> int:
        return number_of_processes(run, jobs)

    def begin(self, run: Run) -> None:
        selection = chosen(run, by_hand=True)
        run.recall("selection", selection)
        run.terminal.say(f"parameters of [postprocessing]: {selection.params.describe()}")

    def say(self, run: Run, tally: Tally) -> None:
        for stage in STAGES:
            stage.say(run, tally)

    def plan(self, run: Run) -> str:
        by_hand = run.experiment.params.describe()
        return f"label and evaluate {self.volumes(run)} with the parameters of [postprocessing]: {by_hand}"


STAGES = (Label(), Evaluate())
