"""Pictures of what the network predicts, beside what is made of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from auxcpvloss.data.annotated import without_ignored
from auxcpvloss.data.missing_chunks import open_whole, read
from auxcpvloss.data.target_grid import prediction_back
from auxcpvloss.experiment.results import Result, stored_zarr
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen, subjects
from auxcpvloss.stages.export.stage import Export
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.visualize.pictures import PICTURES, drawn_from
from auxcpvloss.stages.volume.instances import need_instances
from auxcpvloss.stages.volume.scores import outcome_of, scores_of
from auxcpvloss.stages.volume.subject import Subject


class Visualize(Stage):
    """A plane of every test volume: raw data, all predicted heads, instances and, with truth, hits and errors.

    Where detection is the task, points instead of instances. Exports them too, for viewers.
    """

    name, help = "visualize", "pictures of predictions and instances; then export; then napari, if it is installed"
    version, libraries = 2, ("matplotlib", "numpy")
    split, follows = SPLIT, "selection"
    in_all = False
    needs_network = True

    def results(self, run: Run) -> Iterable[Result]:
        for subject in subjects(run, chosen(run, by_hand=True)):
            yield self._picture_of(run, subject)
        if not run.planning:
            yield from EXPORT.results(run)

    def check(self, result: Result, run: Run) -> None:
        need_instances(run, result.subject, "to show")

    def make(self, result: Result, run: Run) -> None:
        # Only who draws waits for matplotlib.
        from auxcpvloss.looking.figures.layout import save
        from auxcpvloss.looking.figures.palette import palette_of
        from auxcpvloss.looking.figures.volume import fullest_plane, plane_figure

        experiment, subject, sample = run.experiment, result.subject, result.subject.sample
        arrays = open_whole(experiment.processed(SPLIT, subject.checkpoint, sample.name))["volumes"]
        heads = {name.removeprefix("pred_"): read(array) for name, array in arrays.arrays()}
        prediction, truth = prediction_back(heads, sample), sample.original.truth
        title = f"{sample.name}, {experiment.method.name}, checkpoint {subject.checkpoint}, {subject.params.slug()}"
        outcome = replace(outcome_of(run, subject), shows_points=experiment.is_detection)
        z = fullest_plane(without_ignored(read(truth))) if experiment.is_detection and sample.is_sparse else None
        save(result.paths[0], plane_figure(outcome, prediction, title, palette_of(experiment.config), z))

    def say(self, run: Run, tally: Tally) -> None:
        pictures = tally.of(PICTURES)
        made = sum(each.kind == PICTURES for each in tally.made)
        already = f" ({len(pictures) - made} of {len(pictures)} whole already)" if made < len(pictures) else ""
        if pictures:
            run.terminal.say(f"pictures in {pictures[0].paths[0].parent}{already}")
        for picture in pictures:
            run.terminal.say(f"picture: {picture.paths[0]}")
        EXPORT.say(run, tally)

    def plan(self, run: Run) -> str:
        folder = run.experiment.results(SPLIT)
        return f"{self.volumes(run)} -> {folder / 'visualized'} and {folder / 'exported'}"

    def _picture_of(self, run: Run, subject: Subject) -> Result:
        """Say what a picture is to be made from: the scores say all that it shows, but for the heads."""
        experiment, name = run.experiment, subject.sample.name
        predicted = stored_zarr(experiment.processed(SPLIT, subject.checkpoint, name)).record or {}
        made_from = {
            **drawn_from(experiment, scores_of(run, subject)),
            **self.versioned(),
            "heads": predicted.get("heads"),
            "do_detection": experiment.is_detection,
        }
        path = experiment.visualized(SPLIT, subject.checkpoint, subject.params) / f"{name}.png"
        return self.beside(run, PICTURES, path, made_from, subject, name)


EXPORT = Export()
