"""Score every labelled test volume that has ground truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from auxcpvloss.experiment.results import Result, read_table
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen, subjects
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.visualize.pictures import PICTURES, draw, picture_of
from auxcpvloss.stages.volume import scores
from auxcpvloss.stages.volume.instances import instances_of
from auxcpvloss.stages.volume.make import number_of_processes
from auxcpvloss.stages.volume.scores import scores_of
from auxcpvloss.stages.volume.summary import TABLES, read_scores, show, summaries_of, write_table


class Evaluate(Stage):
    """Scores and a picture of every volume, and tables of all."""

    name, help = scores.NAME, "score the instances: AP, PQ, SEG, splits, merges, detection; tables and pictures"
    version, libraries = scores.VERSION, scores.LIBRARIES
    split, follows = SPLIT, "selection"

    def results(self, run: Run) -> Iterable[Result]:
        scored = [subject for subject in subjects(run, chosen(run)) if subject.sample.has_truth]
        for subject in scored:
            for result in (scores_of(run, subject), picture_of(run, subject)):
                yield replace(result, job=subject.sample.name)
        if scored:
            yield from summaries_of(run, scored)

    def workers(self, run: Run, jobs: Sequence[Sequence[Result]]) -> int:
        return number_of_processes(run, jobs)

    def check(self, result: Result, run: Run) -> None:
        if result.kind == "scores":
            run.need(instances_of(run, result.subject), "to score")

    def make(self, result: Result, run: Run) -> None:
        if result.kind == "scores":
            scores.score(result, run)
        elif result.kind == PICTURES:
            draw(run, result)
        else:
            write_table(run.experiment, read_scores(run, result.subject), result.paths[0])

    def say(self, run: Run, tally: Tally) -> None:
        scored = tally.of("scores")
        if not scored:
            run.terminal.say("no test volume has ground truth: nothing to score")
            return
        tables = {each.name: read_table(each.paths[0]) for each in scored}
        show(run, tables)
        if run.left_out:
            run.terminal.warn(f"not among them: {', '.join(run.left_out)}")
        for picture in tally.of(PICTURES):
            found = tables[picture.name]["general"]
            if found["empty_prediction"] and found["num_gt"]:
                run.terminal.warn(f"{picture.name}: no nucleus was found")
            run.terminal.say(f"picture: {picture.paths[0]}")
        summary = scored[0].paths[0].with_name(next(iter(TABLES)))
        run.terminal.say(f"scores of {tally.counted('scores')}: {summary}; every score is in scores.csv")

    def plan(self, run: Run) -> str:
        return f"{self.volumes(run)} -> {run.experiment.results(SPLIT) / 'evaluated'}"
