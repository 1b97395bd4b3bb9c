"""Instances in the formats of other programs: TIFF, OME-Zarr, a table of objects, a Neuroglancer state."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import numpy as np
import zarr

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.whole import lacking_chunks, open_whole, read
from auxcpvloss.experiment.fingerprint import plain
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import Selection
from auxcpvloss.experiment.versions import made_with, version_of
from auxcpvloss.looking.handover.label_tiff import write_labels
from auxcpvloss.looking.handover.neuroglancer import STATE, neuroglancer_state
from auxcpvloss.looking.handover.objects import describe, object_table, point_table
from auxcpvloss.looking.handover.ome_zarr import store, write_ome_zarr
from auxcpvloss.looking.handover.view import View
from auxcpvloss.stages.labelling import instances_of
from auxcpvloss.stages.predicting import prediction_of
from auxcpvloss.stages.records import Result, current, need
from auxcpvloss.stages.scoring import scores_of
from auxcpvloss.stages.stored import Stored, file_digest, stored
from auxcpvloss.stages.viewing import SPLIT, space_of, view_of
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import discard, write_text
from auxcpvloss.system.terminal import Terminal

FILES = "files"
"""Key of a record: checksums of the files beside the OME-Zarr."""


def export(experiment: Experiment, terminal: Terminal, selection: Selection) -> None:
    """Write the instances of every test volume for other programs: docs/handover.md says what, and how to open it.

    Raises
    ------
    InputError
        A volume was not predicted or not labelled.
    """
    samples = experiment.samples(SPLIT)
    made = 0
    with terminal.progress("volumes", len(samples)) as bar:
        for number, sample in enumerate(samples):
            bar.update(number, sample.name)
            need_labelled(experiment, selection, sample, "to export")
            result = export_of(experiment, selection, sample)
            if not current(experiment, result):
                _write(experiment, selection, sample, result)
                made += 1
    folder = experiment.exported(SPLIT, selection.checkpoint, selection.params)
    already = f" ({len(samples) - made} of {len(samples)} whole already)" if made < len(samples) else ""
    terminal.say(f"TIFF, OME-Zarr and tables of objects in {folder}{already}")
    terminal.say(f"to look at them in a browser: {sys.executable} -m auxcpvloss.serve {shlex.quote(str(folder))}")


def export_of(experiment: Experiment, selection: Selection, sample: Sample) -> Result:
    """Say what the exports of a volume are to be made from: what its scores are, which say what is wrong with it."""
    scores = scores_of(experiment, SPLIT, selection.checkpoint, selection.params, sample)
    folder = experiment.exported(SPLIT, selection.checkpoint, selection.params)
    made_from = {
        **scores.made_from,
        **version_of("export"),
        "do_detection": experiment.is_detection,
        "data": {"voxel_unit": experiment.config.data.voxel_unit},
    }
    names = (".ome.zarr", ".tif", "_objects.csv", STATE)
    paths = tuple(folder / f"{sample.name}{name}" for name in names)
    return Result("export", "exports", paths, plain(made_from), _stored(paths))


def need_labelled(experiment: Experiment, selection: Selection, sample: Sample, purpose: str) -> None:
    """Refuse a volume that was not predicted and labelled.

    Raises
    ------
    InputError
        Says which stage to run.
    """
    predicted = experiment.processed(SPLIT, selection.checkpoint, sample.name)
    if not predicted.exists():
        raise InputError(f"{predicted}: there is no prediction {purpose}. Run the stage predict.")
    prediction = prediction_of(experiment, SPLIT, selection.checkpoint, sample, [selection.params])
    need(prediction, purpose)
    need(instances_of(experiment, SPLIT, selection.checkpoint, selection.params, sample, prediction), purpose)


def _write(experiment: Experiment, selection: Selection, sample: Sample, result: Result) -> None:
    ome_zarr, tiff, table, state = result.paths
    # Never the volume of before beside the tables of now: what says that all is whole is written last.
    discard(ome_zarr)
    view = view_of(experiment, selection, sample)
    labels = view.labels()
    (first, shown), *_ = labels.items()
    write_labels(tiff, shown, view.space)
    write_text(table, _table(experiment, selection, sample, view))
    visible = {name: name == first for name in labels}
    write_text(
        state,
        neuroglancer_state(ome_zarr.name, view.raw.shape, view.intensities(), visible, view.errors, view.space),
    )
    files = {path.name: file_digest(path) for path in (tiff, table, state)}
    record = {"made_from": {**result.made_from, FILES: files}, "made_with": made_with("export")}
    write_ome_zarr(ome_zarr, view.raw, labels, view.space, record)


def _table(experiment: Experiment, selection: Selection, sample: Sample, view: View) -> str:
    method = experiment.method
    root = open_whole(experiment.processed(SPLIT, selection.checkpoint, sample.name))
    heads = method.predicted_heads(selection.params)
    prediction = {head.name: read(root[f"volumes/pred_{head.name}"]) for head in heads}
    objects = describe(view.found, view.raw, experiment.config.data.padding)
    write = point_table if view.is_points else object_table
    return write(objects, np.asarray(method.confidence(prediction, view.found)), space_of(experiment, sample))


def _stored(paths: tuple[Path, ...]) -> Stored:
    """What exports were made from, if all of them are there as they were written."""
    ome_zarr, *others = paths

    def read_record() -> Stored:
        root = zarr.open_group(store(ome_zarr), mode="r")
        if problem := lacking_chunks(root):
            return Stored(problem=problem)
        record = dict(root.attrs["made_from"])
        files = record.pop(FILES)
        for path in others:
            if files.get(path.name) != (file_digest(path) if path.is_file() else ""):
                how = "changed since it was written" if path.is_file() else "is missing"
                return Stored(problem=f"{path.name} {how}")
        return Stored(record, root.attrs["made_with"])

    return stored(read_record) if ome_zarr.exists() else Stored()
