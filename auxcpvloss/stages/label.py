"""Make instances of every predicted test volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from auxcpvloss.data.centers import read_centers
from auxcpvloss.experiment.instances import centers_path
from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen, subjects
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.visualize.pictures import PICTURES, draw_without_truth, picture_without_truth_of
from auxcpvloss.stages.volume import external, instances
from auxcpvloss.stages.volume.instances import instances_of, need_prediction
from auxcpvloss.stages.volume.make import number_of_processes


class Label(Stage):
    """Instances of the test volumes, the centers beside them, and a picture of those without ground truth."""

    name, help = instances.NAME, "make instances"
    version, libraries = instances.VERSION, instances.LIBRARIES
    split, follows = SPLIT, "selection"

    def results(self, run: Run) -> Iterable[Result]:
        for subject in subjects(run, chosen(run)):
            made = [instances_of(run, subject)]
            if not subject.sample.has_truth:
                made.append(picture_without_truth_of(run, subject))
            for result in made:
                yield replace(result, job=subject.sample.name)

    def confirm(self, todo: Sequence[Result], run: Run) -> Sequence[Result]:
        if not run.experiment.method.has_network:
            external.check_given(run, [each.subject for each in todo if each.kind == "instances"])
        return todo

    def workers(self, run: Run, jobs: Sequence[Sequence[Result]]) -> int:
        return number_of_processes(run, jobs)

    def check(self, result: Result, run: Run) -> None:
        if result.kind == "instances":
            need_prediction(run, result.subject, "to make instances of")

    def make(self, result: Result, run: Run) -> None:
        if result.kind == PICTURES:
            draw_without_truth(run, result)
        else:
            instances.label(result, run)

    def say(self, run: Run, tally: Tally) -> None:
        labelled, experiment = tally.of("instances"), run.experiment
        folder, counted = labelled[0].paths[0].parent, tally.counted("instances")
        if experiment.method.has_network:
            run.terminal.say(f"checkpoint {chosen(run).checkpoint}: {counted} labelled in {folder}")
        else:
            run.terminal.say(f"{experiment.model_name}: label images of {counted} imported to {folder}")
            if others := external.unused(run):
                run.terminal.warn(f"not imported, of no test volume: {', '.join(others)}")
        for picture in tally.of(PICTURES):
            count = len(read_centers(centers_path(instances_of(run, picture.subject).paths[0])))
            run.terminal.say(f"{picture.name}: {count} nuclei found; picture: {picture.paths[0]}")

    def plan(self, run: Run) -> str:
        return f"{self.volumes(run)} -> {run.experiment.results(SPLIT) / 'instanced'}"
