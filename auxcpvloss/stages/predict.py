"""Run the network of the selected checkpoint over every test volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from auxcpvloss.experiment.ensemble import members
from auxcpvloss.experiment.results import Result
from auxcpvloss.experiment.trained_on import other_voxels
from auxcpvloss.network.checkpoint import check_checkpoint
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen, subjects
from auxcpvloss.stages.repeats import check_members
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.volume import prediction
from auxcpvloss.stages.volume.networks import passes
from auxcpvloss.stages.volume.prediction import prediction_of


class Predict(Stage):
    """Predictions of the test volumes, as zarr arrays of every head."""

    name, help = prediction.NAME, "run the selected checkpoint over the test volumes"
    version, libraries = prediction.VERSION, prediction.LIBRARIES
    split, follows = SPLIT, "selection"
    uses_network = True
    needs_network = True
    needs_instances = False

    def begin(self, run: Run) -> None:
        samples = [subject.sample for subject in subjects(run, chosen(run))]
        for words in other_voxels(run.experiment, samples):
            run.warn(words)
        check_members(run, samples)

    def results(self, run: Run) -> Iterable[Result]:
        return [prediction_of(run, subject) for subject in subjects(run, chosen(run))]

    def confirm(self, todo: Sequence[Result], run: Run) -> Sequence[Result]:
        # No volume is to blame for a damaged network, and nothing is to be set aside for it.
        for number in {result.subject.checkpoint for result in todo}:
            for member in members(run.experiment, number):
                check_checkpoint(member.experiment.checkpoints.need(member.checkpoint))
        return todo

    def make(self, result: Result, run: Run) -> None:
        prediction.predict(result, run, run.note)

    def say(self, run: Run, tally: Tally) -> None:
        selection = chosen(run)
        folder = run.experiment.processed(SPLIT, selection.checkpoint, "any").parent
        run.terminal.say(f"checkpoint {selection.checkpoint}: {tally.counted('predictions')} predicted in {folder}")

    def plan(self, run: Run) -> str:
        which = run.choice.checkpoint or f"the {run.choice.which} checkpoint"
        named = f"checkpoint {which}" if run.choice.checkpoint else which
        often = f", {words}" if (words := passes(run.experiment)) else ""
        return f"{self.volumes(run)} with {named}{often} -> {run.experiment.results(SPLIT) / 'processed'}"
