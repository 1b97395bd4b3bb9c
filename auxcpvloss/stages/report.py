"""The page that says how an experiment came out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.configuration import configuration_record
from auxcpvloss.experiment.denoised_pairs import denoised_pairs
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.results import Result
from auxcpvloss.stages.calibrate import shown_files
from auxcpvloss.stages.chosen_checkpoint import chosen, subjects
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.visualize.pictures import picture_of, picture_without_truth_of
from auxcpvloss.stages.volume.scores import outcome_of, scores_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.stages.volume.summary import summaries_of
from auxcpvloss.system.checksums import file_digest
from auxcpvloss.system.files import write_text

LOGS = ("log.csv", "validation.csv")
"""Logs of the training."""

PURPOSE = "to report on"


class Report(Stage):
    """``report.html``: verdict, scores, figures, every error, configuration and provenance.

    Without test volumes it is about training and validation alone.
    """

    name, help = "report", "everything on one page, report.html"
    version, libraries = 2, ("imagecodecs", "jinja2", "matplotlib", "numpy")
    follows = "selection"
    # Only when the page is there: what cannot be made takes nothing away.
    makes_way = False

    def results(self, run: Run) -> Iterable[Result]:
        experiment, selection = run.experiment, chosen(run, by_hand=True)
        selected, train = experiment.selection_path, experiment.train_folder
        files = [selected, selected.with_name("scores.csv"), *map(train.joinpath, LOGS)]
        # Only of vectors a snapshot is drawn.
        snapshot = experiment.newest_snapshot
        if snapshot and any(head.name == "cpv" for head in experiment.method.heads):
            files.append(snapshot)
        shown = subjects(run, selection)
        files += shown_files(run)
        made_from: dict[str, Any] = {
            **self.versioned(),
            "name of the experiment": experiment.folder.name,
            "chosen": f"checkpoint {selection.checkpoint}, {selection.params.describe()}",
            "configuration": configuration_record(experiment.config),
            "predictions": {subject.sample.name: _picture(run, subject).record for subject in shown},
            "files": {f"{path.parent.name}/{path.name}": file_digest(path) for path in files if path.is_file()},
        }
        if shown_beside := {denoised.name: denoised.made_from for _, denoised in denoised_pairs(experiment)}:
            made_from["samples"] = shown_beside
        yield self.beside(run, "report.html", experiment.report_path, made_from, shown)

    def check(self, result: Result, run: Run) -> None:
        scored = [subject for subject in result.subject if subject.sample.has_truth]
        for subject in result.subject:
            run.need(_picture(run, subject), PURPOSE)
        for subject in scored:
            run.need(scores_of(run, subject), PURPOSE)
        for table in summaries_of(run, scored) if scored else ():
            run.need(table, PURPOSE)

    def make(self, result: Result, run: Run) -> None:
        # What makes it takes a while to import.
        from auxcpvloss.looking.report.experiment import experiment_page
        from auxcpvloss.looking.report.page import as_html

        by_name = {subject.sample.name: subject for subject in result.subject}

        def read(sample: Sample) -> Outcome:
            run.note(sample.name)
            return outcome_of(run, by_name[sample.name])

        samples = [subject.sample for subject in result.subject]
        pictures = {name: _picture(run, subject).paths[0] for name, subject in by_name.items()}
        selection = chosen(run, by_hand=True)
        html = as_html(experiment_page(run.experiment, selection, samples, read, pictures, shown_files(run)))
        run.make_way(result)
        write_text(result.paths[0], html)

    def say(self, run: Run, tally: Tally) -> None:
        run.terminal.say(f"{run.experiment.report_path}{'' if tally.made else ' (whole already)'}")

    def plan(self, run: Run) -> str:
        return f"{run.experiment.report_path}"


def _picture(run: Run, subject: Subject) -> Result:
    """Give the picture that an earlier stage drew; nothing is known better of what was scored, and how."""
    return picture_of(run, subject) if subject.sample.has_truth else picture_without_truth_of(run, subject)
