"""Instances in the formats of other programs: TIFF, OME-Zarr, a table of objects, a Neuroglancer state."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from auxcpvloss.data.missing_chunks import lacking, open_whole
from auxcpvloss.data.target_grid import prediction_back
from auxcpvloss.experiment.results import Result, Stored, reader
from auxcpvloss.looking.handover.label_tiff import write_labels
from auxcpvloss.looking.handover.neuroglancer import STATE, neuroglancer_state
from auxcpvloss.looking.handover.scene import Scene
from auxcpvloss.metrics.calibration import features
from auxcpvloss.stages.calibrate import LEARNED, whole_calibration
from auxcpvloss.stages.chosen_checkpoint import SPLIT, chosen, subjects
from auxcpvloss.stages.export.viewing import view_of
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage, Tally
from auxcpvloss.stages.volume.instances import need_instances
from auxcpvloss.stages.volume.prediction import read_prediction
from auxcpvloss.stages.volume.scores import scores_of
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.checksums import file_digest
from auxcpvloss.system.files import discard, write_text

EXPORTS = "exports"
FILES = "files"
"""Key of a stored record: checksums of the files next to the OME-Zarr."""


class Export(Stage):
    """The instances of every test volume for other programs: docs/handover.md says what, and how to open it."""

    name, help = (
        "export",
        "instances for Fiji, napari, Neuroglancer and spreadsheets (docs/handover.md)",
    )
    libraries = ("numpy", "scipy", "tifffile", "zarr")
    split, follows = SPLIT, "selection"
    in_all = False

    def results(self, run: Run) -> Iterable[Result]:
        for subject in subjects(run, chosen(run, by_hand=True)):
            yield export_of(run, subject)

    def check(self, result: Result, run: Run) -> None:
        need_instances(run, result.subject, "to export")

    def make(self, result: Result, run: Run) -> None:
        # Only who exports waits for what it imports.
        from auxcpvloss.looking.handover.ome_zarr import write_ome_zarr

        ome_zarr, tiff, table, state = result.paths
        # Never the volume of before beside the tables of now: what says that all is whole is written last.
        discard(ome_zarr)
        scene = view_of(run, result.subject)
        labels = scene.labels()
        write_labels(tiff, next(iter(labels.values())), scene.space)
        write_text(table, _table(run, result.subject, scene))
        write_text(state, neuroglancer_state(scene, ome_zarr.name, list(labels)))
        files = {path.name: file_digest(path) for path in (tiff, table, state)}
        record = {"made_from": {**result.record, FILES: files}, "made_with": self.made_with()}
        write_ome_zarr(ome_zarr, scene.raw, labels, scene.space, record)

    def say(self, run: Run, tally: Tally) -> None:
        exports, made = tally.of(EXPORTS), sum(each.kind == EXPORTS for each in tally.made)
        if not exports:
            return
        folder = exports[0].paths[0].parent
        already = f" ({len(exports) - made} of {len(exports)} whole already)" if made < len(exports) else ""
        run.terminal.say(f"TIFF, OME-Zarr and tables of objects in {folder}{already}")
        command = f"{sys.executable} -m auxcpvloss.serve {shlex.quote(str(folder))}"
        run.terminal.say(f"to view them in a browser: {command}")

    def plan(self, run: Run) -> str:
        return f"{self.volumes(run)} -> {run.experiment.results(SPLIT) / 'exported'}"


def export_of(run: Run, subject: Subject) -> Result:
    """Say what the exports of a volume are to be made from: what its scores are, which say what is wrong with it."""
    experiment, name = run.experiment, subject.sample.name
    folder = experiment.exported(SPLIT, subject.checkpoint, subject.params)
    made_from = {
        **scores_of(run, subject).record,
        **Export.versioned(),
        "do_detection": experiment.is_detection,
        "data": {"voxel_unit": experiment.config.data.voxel_unit},
    }
    if calibrated := whole_calibration(run):
        made_from[LEARNED] = run.records.digest(calibrated[0].record)
    paths = tuple(folder / f"{name}{suffix}" for suffix in (".ome.zarr", ".tif", "_objects.csv", STATE))
    return Result(Export.name, EXPORTS, name, paths, run.records.flat(made_from), _stored(*paths), subject)


def _table(run: Run, subject: Subject, scene: Scene) -> str:
    # It brings pandas along, which other commands should not wait for.
    from auxcpvloss.looking.handover.objects import describe, object_table

    sample = subject.sample
    objects = describe(scene.found, scene.raw, sample.original.padding)
    prediction: Mapping[str, Any] = {}
    if run.experiment.method.has_network:
        prediction = prediction_back(read_prediction(run, subject, [subject.params]), sample)
    confidence = np.asarray(run.experiment.method.confidence(prediction, scene.found))
    probability = None
    if calibrated := whole_calibration(run):
        probability = calibrated[1](features(confidence, objects["volume_voxels"].to_numpy()))
    return object_table(objects, confidence, scene.space, scene.is_points, probability)


@reader
def _stored(ome_zarr: Path, *others: Path) -> Stored:
    """Read what exports were made from, if all of them are there as they were written."""
    root = open_whole(ome_zarr)
    if problem := lacking(root):
        return Stored(problem=problem)
    record = dict(root.attrs["made_from"])
    files = record.pop(FILES)
    for path in others:
        if files.get(path.name) != (file_digest(path) if path.is_file() else ""):
            how = "changed since it was written" if path.is_file() else "is missing"
            return Stored(problem=f"{path.name} {how}")
    return Stored(record, root.attrs["made_with"])
